import { appendFileSync, copyFileSync, existsSync, readFileSync, renameSync } from 'node:fs';
import { outputFormatFor } from '../../../../scripts/batch/output/open-format.js';
import { FRESH_OUTPUT, OutputFile, type OutputState } from '../../../../scripts/batch/output/output-file.js';
import { scratchFolder } from '../scratch.js';

const { path } = scratchFolder();
const format = outputFormatFor('x.csv', { input: ['a'], outputs: ['y'] });
const text = (file: string): string => readFileSync(file, 'utf8');

let files = 0;
async function fresh(): Promise<{ file: string; output: OutputFile }> {
  files += 1;
  const file = path(`${files}.csv`);
  return { file, output: await OutputFile.open(file, format, FRESH_OUTPUT) };
}

it('starts with its header and grows by what is written', async () => {
  const { file, output } = await fresh();
  await output.write('1,2\n');
  await output.write('ü,4\n');
  expect(await output.commit()).toEqual({
    bytes: Buffer.byteLength(text(file)),
    hasErrorColumn: false,
    isReplacing: false,
  });
  await output.close();
  expect(text(file)).toBe('a,y\n1,2\nü,4\n');
});

it('is cut back to what was committed when it is opened again', async () => {
  const { file, output } = await fresh();
  await output.write('1,2\n');
  const state = await output.commit();
  await output.write('lost,');
  await output.commit();
  await output.close();
  appendFileSync(file, 'half a ro');
  const again = await OutputFile.open(file, format, state);
  await again.write('3,4\n');
  await again.commit();
  await again.close();
  expect(text(file)).toBe('a,y\n1,2\n3,4\n');
});

it('writes over a file that no run has begun', async () => {
  const { file, output } = await fresh();
  await output.write('1,2\n');
  await output.commit();
  await output.close();
  const other = await OutputFile.open(file, format, FRESH_OUTPUT);
  await other.commit();
  await other.close();
  expect(text(file)).toBe('a,y\n');
});

describe('an error column', () => {
  const rows = '1,2\n"quoted\nline ""x"",",3\n';
  const widened = 'a,y,error\n1,2,\n"quoted\nline ""x"",",3,\n';

  it('is added to every row that is there', async () => {
    const { file, output } = await fresh();
    await output.write(rows);
    const states: OutputState[] = [];
    await output.addErrorColumn(format, async (state) => void states.push(state));
    expect(output.hasErrorColumn).toBe(true);
    await output.write('9,,no\n');
    await output.commit();
    await output.close();
    expect(text(file)).toBe(`${widened}9,,no\n`);
    expect(states).toEqual([{ bytes: Buffer.byteLength(widened), hasErrorColumn: true, isReplacing: true }]);
    expect(existsSync(`${file}.new`)).toBe(false);
  });

  it('is whole after a crash just before or just after the copy takes its place', async () => {
    for (const isReplaced of [false, true]) {
      const { file, output } = await fresh();
      await output.write(rows);
      let state = FRESH_OUTPUT;
      await output.addErrorColumn(format, async (copied) => {
        state = copied;
        copyFileSync(file, `${file}.old`);
        copyFileSync(`${file}.new`, `${file}.copy`);
      });
      await output.close();
      if (!isReplaced) {
        renameSync(`${file}.old`, file);
        renameSync(`${file}.copy`, `${file}.new`);
      }
      const again = await OutputFile.open(file, format, state);
      expect(again.hasErrorColumn).toBe(true);
      await again.write('9,,no\n');
      await again.commit();
      await again.close();
      expect(text(file)).toBe(`${widened}9,,no\n`);
    }
  });

  it('reaches over the pieces of a long file', async () => {
    const { file, output } = await fresh();
    const cell = `"${'x\n'.repeat(50_000)}"`;
    for (let row = 0; row < 5; row += 1) await output.write(`${cell},${row}\n`);
    await output.addErrorColumn(format, async () => undefined);
    await output.close();
    expect(text(file)).toBe(`a,y,error\n${[0, 1, 2, 3, 4].map((row) => `${cell},${row},\n`).join('')}`);
  });

  it('is no matter for lines of JSON', async () => {
    const file = path('lines.ndjson');
    const lines = outputFormatFor(file, { input: ['a'], outputs: ['y'] });
    const output = await OutputFile.open(file, lines, FRESH_OUTPUT);
    await output.write('{"a":1}\n');
    await output.addErrorColumn(lines, () => Promise.reject(new Error('nothing to copy')));
    await output.commit();
    await output.close();
    expect(text(file)).toBe('{"a":1}\n');
  });
});
