import { appendFileSync, readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { csvOutput } from '../../../../scripts/batch/output/csv-output.js';
import { FileSink, StreamSink } from '../../../../scripts/batch/output/sink.js';
import { TextOutput } from '../../../../scripts/batch/output/text-output.js';
import { objectValues } from '../../../../scripts/batch/input/source.js';
import { scratchFolder } from '../scratch.js';

const { path } = scratchFolder();
const text = (file: string): string => readFileSync(file, 'utf8');
const format = csvOutput({ source: { columns: ['a'], kinds: new Map() }, outputs: ['y'] });

/** Adds one row. */
function add(output: TextOutput, a: unknown, y: number): void {
  const values = objectValues([{ a }], new Map());
  output.rowsOf({ firstRow: 0, length: 1, share: 1, values: () => values })(0, { row: 0, y }, undefined);
}

let files = 0;
async function fresh(): Promise<{ file: string; sink: FileSink; output: TextOutput }> {
  files += 1;
  const file = path(`${files}.csv`);
  const sink = await FileSink.open(file, 0);
  return { file, sink, output: new TextOutput(sink, format) };
}

it('starts with its header and grows by what is written', async () => {
  const { file, sink, output } = await fresh();
  add(output, 1, 2);
  add(output, 'ü', 4);
  expect(await output.commit()).toBe(Buffer.byteLength(text(file)));
  await sink.close();
  expect(text(file)).toBe('a,y,error\n1,2,\nü,4,\n');
});

it('is cut back to what was committed when it is opened again', async () => {
  const { file, sink, output } = await fresh();
  add(output, 1, 2);
  const bytes = await output.commit();
  add(output, 'lost', 0);
  await output.commit();
  await sink.close();
  appendFileSync(file, 'half a ro');
  const again = await FileSink.open(file, bytes);
  const more = new TextOutput(again, format);
  add(more, 3, 4);
  await more.finish();
  await again.close();
  expect(text(file)).toBe('a,y,error\n1,2,\n3,4,\n');
});

it('writes over a file that no run has begun', async () => {
  const { file, sink, output } = await fresh();
  add(output, 1, 2);
  await output.commit();
  await sink.close();
  const other = await FileSink.open(file, 0);
  await new TextOutput(other, format).finish();
  await other.close();
  expect(text(file)).toBe('a,y,error\n');
});

describe('a stream', () => {
  it('is written no faster than it is read', async () => {
    const stream = new PassThrough({ highWaterMark: 4 });
    const sink = new StreamSink(stream);
    const written = sink.write(Buffer.from('12345'));
    const first = await Promise.race([written, new Promise((done) => setImmediate(done, 'still waiting'))]);
    expect(first).toBe('still waiting');
    stream.resume();
    await written;
  });

  it('ends its writer once nobody reads it', async () => {
    const stream = new PassThrough({ highWaterMark: 4 });
    const sink = new StreamSink(stream);
    const written = sink.write(Buffer.from('12345'));
    stream.destroy(new Error('EPIPE'));
    await expect(written).rejects.toThrow('EPIPE');
    await expect(sink.write(Buffer.from('1'))).rejects.toThrow('EPIPE');
  });
});
