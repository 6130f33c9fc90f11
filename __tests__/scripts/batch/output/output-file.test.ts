import { appendFileSync, readFileSync } from 'node:fs';
import { outputFormatFor } from '../../../../scripts/batch/output/open-format.js';
import { OutputFile } from '../../../../scripts/batch/output/output-file.js';
import { scratchFolder } from '../scratch.js';

const { path } = scratchFolder();
const { head } = outputFormatFor('x.csv', { input: ['a'], outputs: ['y'] });
const text = (file: string): string => readFileSync(file, 'utf8');

let files = 0;
async function fresh(): Promise<{ file: string; output: OutputFile }> {
  files += 1;
  const file = path(`${files}.csv`);
  return { file, output: await OutputFile.open(file, head, 0) };
}

it('starts with its header and grows by what is written', async () => {
  const { file, output } = await fresh();
  await output.write('1,2,\n');
  await output.write('ü,4,\n');
  expect(await output.commit()).toBe(Buffer.byteLength(text(file)));
  await output.close();
  expect(text(file)).toBe('a,y,error\n1,2,\nü,4,\n');
});

it('is cut back to what was committed when it is opened again', async () => {
  const { file, output } = await fresh();
  await output.write('1,2,\n');
  const bytes = await output.commit();
  await output.write('lost,');
  await output.commit();
  await output.close();
  appendFileSync(file, 'half a ro');
  const again = await OutputFile.open(file, head, bytes);
  await again.write('3,4,\n');
  await again.commit();
  await again.close();
  expect(text(file)).toBe('a,y,error\n1,2,\n3,4,\n');
});

it('writes over a file that no run has begun', async () => {
  const { file, output } = await fresh();
  await output.write('1,2,\n');
  await output.commit();
  await output.close();
  const other = await OutputFile.open(file, head, 0);
  await other.commit();
  await other.close();
  expect(text(file)).toBe('a,y,error\n');
});
