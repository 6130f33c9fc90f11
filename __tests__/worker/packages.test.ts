import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readWorkers } from '../../shared/workers/registry.js';
import { FIXTURES } from '../support/paths.js';
import { useWorkerRig } from '../support/rigs/worker-rig.js';

// Processes take a moment to start, and longer on a machine that is busy.
jest.setTimeout(60_000);

const rig = useWorkerRig();
let modelsDir: string;
beforeEach(() => {
  modelsDir = mkdtempSync(join(tmpdir(), 'waggle-models-'));
  add('faulty');
});
afterEach(() => rmSync(modelsDir, { recursive: true, force: true }));

/** A copy of a package of the tests' own, with another name if so wished. */
function add(fixture: 'faulty' | 'greenhouse', name: string = fixture): string {
  const folder = join(modelsDir, name);
  cpSync(join(FIXTURES, fixture), folder, { recursive: true });
  edit(folder, 'manifest.json', `"name": "${fixture}"`, `"name": "${name}"`);
  return folder;
}

function edit(folder: string, file: string, pattern: string, replacement: string): void {
  const path = join(folder, file);
  writeFileSync(path, readFileSync(path, 'utf8').replaceAll(pattern, replacement));
}

const modelsOf = (worker: { models(): { name: string; version: string }[] }): string[] =>
  worker.models().map(({ name, version }) => `${name} ${version}`);
/** What the registry says of the one worker. */
const reported = async () => (await readWorkers(rig.records))[0];

/** Ways to break a package, and what is said of it. */
const BROKEN: [string, (folder: string) => void, RegExp][] = [
  [
    'whose example answers NaN',
    (folder) => edit(folder, 'model.json', '"Sigmoid"', '"Log"'),
    /#\/example has no valid answer: the model's mildew_risk/,
  ],
  [
    'whose example is out of bounds',
    (folder) => edit(folder, 'manifest.json', '"decimals": 3, "minimum": 0', '"minimum": 99'),
    /#\/example has no valid answer: the model's water, 2\.25, is below 99/,
  ],
  [
    'with surplus weights',
    (folder) => appendFileSync(join(folder, 'weights.bin'), Buffer.alloc(3)),
    /#\/weightsManifest\/0: weights\.bin hold 59 bytes, its weights take 56: 3 too many/,
  ],
  [
    'with missing weights',
    (folder) => writeFileSync(join(folder, 'weights.bin'), Buffer.alloc(50)),
    /weights\.bin hold 50 bytes, its weights take 56: 6 are missing/,
  ],
  [
    'whose weights lie elsewhere',
    (folder) => {
      writeFileSync(join(modelsDir, 'elsewhere'), readFileSync(join(folder, 'weights.bin')));
      edit(folder, 'model.json', '"weights.bin"', '"../elsewhere"');
    },
    /"\.\.\/elsewhere" is no plain file name/,
  ],
  [
    'whose weights are a link to elsewhere',
    (folder) => {
      cpSync(join(folder, 'weights.bin'), join(modelsDir, 'linked'));
      rmSync(join(folder, 'weights.bin'));
      symlinkSync('../linked', join(folder, 'weights.bin'));
    },
    /weights\.bin:\s+- a weight file that model\.json names: it is a link out of the folder/,
  ],
  [
    'whose weights are a FIFO',
    (folder) => {
      rmSync(join(folder, 'weights.bin'));
      execFileSync('mkfifo', [join(folder, 'weights.bin')]);
    },
    /it is a FIFO, not a regular file/,
  ],
  [
    'whose model.json is a folder',
    (folder) => {
      rmSync(join(folder, 'model.json'));
      cpSync(join(FIXTURES, 'faulty'), join(folder, 'model.json'), { recursive: true });
    },
    /model\.json:\s+- it is a folder, not a regular file/,
  ],
  [
    'whose model.json is larger than is read',
    (folder) => truncateSync(join(folder, 'model.json'), 104_857_600),
    /it has 104857600 bytes, and 67108864 are the most/,
  ],
  [
    'whose weights are of a type that there is not',
    (folder) =>
      edit(folder, 'model.json', '"shape": [2, 2], "dtype": "float32"', '"shape": [2, 2], "dtype": "float"'),
    /#\/weightsManifest\/0\/weights\/0\/dtype must be one of/,
  ],
  [
    'whose manifest is a FIFO',
    (folder) => {
      rmSync(join(folder, 'manifest.json'));
      execFileSync('mkfifo', [join(folder, 'manifest.json')]);
    },
    /manifest\.json:\s+- it is a FIFO/,
  ],
  [
    'whose manifest contradicts itself',
    (folder) => edit(folder, 'manifest.json', '"type": "boolean"', '"type": "array"'),
    /#\/columns\/3\/encoding "boolean" needs #\/input\/properties\/vent_open\/type/,
  ],
];

it('serves the good packages beside every kind of bad one, at the start and on a reload, and says why not those', async () => {
  const broken = BROKEN.map(([, wreck], index) => {
    const name = `broken-${index}`;
    wreck(add('greenhouse', name));
    return name;
  });
  const worker = await rig.start({ modelsDir, models: undefined });
  expect(modelsOf(worker)).toEqual(['faulty 1.0.0']);
  const atStart = await reported();
  expect(atStart).toMatchObject({ loading: false });
  for (const [index, name] of broken.entries()) {
    const [what, , message] = BROKEN[index]!;
    const { reason = 'nothing' } = atStart?.refused?.find((refused) => refused.name === name) ?? {};
    expect(`${what}: ${reason}`).toMatch(message);
    expect(reason.length).toBeLessThanOrEqual(300);
    expect(reason).not.toContain(modelsDir);
  }

  add('greenhouse');
  edit(join(modelsDir, 'faulty'), 'manifest.json', '"1.0.0"', '"1.1.0"');
  edit(join(modelsDir, 'faulty'), 'manifest.json', '"act": "answer"', '"act": "nan"');
  await worker.reload();
  expect(modelsOf(worker)).toEqual(['faulty 1.0.0', 'greenhouse 2.1.0']);
  const { fields } = rig.log.said('model not reloaded, the old version goes on') ?? {};
  expect(fields).toMatchObject({
    model: 'faulty',
    error: expect.stringContaining("the model's doubled is NaN") as string,
  });
  expect(await reported()).toMatchObject({ models: [{ name: 'faulty' }, { name: 'greenhouse' }] });
  expect(await rig.reaches(await rig.order('answer', 2), 'succeeded')).toMatchObject({
    modelVersion: '1.0.0',
    resultJson: JSON.stringify({ doubled: 4 }),
  });

  // What is mended is served by the next reload, and only what has changed is spoken of.
  edit(join(modelsDir, 'faulty'), 'manifest.json', '"act": "nan"', '"act": "answer"');
  rmSync(join(modelsDir, 'broken-2', 'weights.bin'));
  cpSync(join(FIXTURES, 'greenhouse', 'weights.bin'), join(modelsDir, 'broken-2', 'weights.bin'));
  await worker.reload();
  expect(modelsOf(worker)).toEqual(['faulty 1.1.0', 'greenhouse 2.1.0', 'broken-2 2.1.0']);
  const reloads = rig.log.lines.filter(({ message }) => message === 'model reloaded');
  expect(reloads.map(({ fields: said }) => said)).toEqual([{ model: 'faulty', from: '1.0.0', to: '1.1.0' }]);
  expect((await reported())?.refused?.map(({ name }) => name)).not.toContain('broken-2');
});

it('does not start when no package can be served, and says why of each', async () => {
  edit(join(modelsDir, 'faulty'), 'model.json', '"Faults"', '"Unheard"');
  appendFileSync(join(add('greenhouse'), 'weights.bin'), 'more');
  const starting = rig.start({ modelsDir, models: undefined });
  await expect(starting).rejects.toThrow(/Unheard[^]*4 too many|4 too many[^]*Unheard/);
});
