import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { inputFormatOf, openSource } from '../../../../scripts/batch/input/open-source.js';
import type { Source } from '../../../../scripts/batch/input/source.js';
import { ParquetOutput } from '../../../../scripts/batch/output/parquet-output.js';
import { FileSink } from '../../../../scripts/batch/output/sink.js';
import { scratchFolder } from '../scratch.js';

const { path, write } = scratchFolder();
const out = path('out.parquet');
const error = { code: 'invalid_input', message: 'bad' };
const failure = 'invalid_input: bad';

/** Takes the rows from `fromRow` on until `untilRow`, row 1 without a result. Resolves to the committed length. */
async function take(source: Source, fromRow: number, untilRow: number, bytes: number): Promise<number> {
  const sink = await FileSink.open(out, bytes);
  const columns = { source, outputs: ['y'] };
  const written = bytes > 0 ? await asyncBufferFromFile(out) : undefined;
  const output = await ParquetOutput.open(sink, columns, written);
  let isDone = true;
  for await (const page of source.pages(fromRow)) {
    const end = Math.min(page.length, untilRow - page.firstRow);
    isDone &&= end === page.length;
    const taker = output.rowsOf(page);
    for (let row = 0; row < end; row += 1) {
      const inFile = page.firstRow + row;
      taker(row, { row, y: inFile / 2 }, inFile === 1 ? error : undefined);
    }
    await output.flush();
  }
  expect(output.isWhole || isDone).toBe(true);
  if (isDone) await output.finish();
  const committed = isDone ? sink.bytes : await output.commit();
  await sink.close();
  return committed;
}

async function read(): Promise<{ rows: Record<string, unknown>[]; groups: number }> {
  const file = await asyncBufferFromFile(out);
  const metadata = await parquetMetadataAsync(file);
  return {
    rows: await parquetReadObjects({ file, metadata, compressors }),
    groups: metadata.row_groups.length,
  };
}

const open = (file: string): Promise<Source> => openSource(file, inputFormatOf(file));

describe('of a Parquet file', () => {
  const input = write(
    'in.parquet',
    new Uint8Array(
      parquetWriteBuffer({
        columnData: [
          { name: 'id', data: [1n, 2n ** 60n, 3n, 4n, 5n], type: 'INT64' },
          { name: 'at', data: [0, 1, 2, 3, 4].map((s) => new Date(s * 1000)), type: 'TIMESTAMP' },
          { name: 'y', data: ['a', 'b', null, 'a', 'b'], type: 'STRING' },
        ],
        rowGroupSize: 2,
      }),
    ),
  );
  const expected = (before: Record<string, unknown>[]) =>
    before.map(({ y, ...row }, at) => ({
      ...row,
      input_y: y,
      y: at === 1 ? null : at / 2,
      error: at === 1 ? failure : null,
    }));

  it('has its columns as they were, and its row groups', async () => {
    await take(await open(input), 0, 5, 0);
    const file = await asyncBufferFromFile(input);
    expect(await read()).toEqual({ rows: expected(await parquetReadObjects({ file })), groups: 3 });
  });

  it('is whole at a commit, and when it is gone on with from there', async () => {
    const source = await open(input);
    const bytes = await take(source, 0, 2, 0);
    expect((await read()).rows).toHaveLength(2);
    await take(source, 2, 5, bytes);
    const file = await asyncBufferFromFile(input);
    expect(await read()).toEqual({ rows: expected(await parquetReadObjects({ file })), groups: 3 });
  });
});

it('of a table has numbers and text, and tells of cells that are neither', async () => {
  const lines = Array.from({ length: 1_000 }, (_, row) => `${row},007,`);
  const source = await open(write('in.csv', ['n,t,none', ...lines, 'late,8,'].join('\n')));
  const sink = await FileSink.open(out, 0);
  const output = await ParquetOutput.open(sink, { source, outputs: ['y'] }, undefined);
  for await (const page of source.pages(0)) {
    const taker = output.rowsOf(page);
    for (let row = 0; row < page.length; row += 1) taker(row, { row, y: 1 }, undefined);
  }
  await output.finish();
  await sink.close();
  const { rows } = await read();
  expect(rows).toHaveLength(1_001);
  expect(rows[5]).toEqual({ n: 5, t: '007', none: null, y: 1, error: null });
  expect(rows[1_000]).toMatchObject({ n: null, t: '8' });
  expect(output.notes()).toEqual(['no value where columns n hold something else than in the first rows']);
});
