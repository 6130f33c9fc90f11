import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readWorkers } from '../../shared/workers/registry.js';
import { FIXTURES } from '../support/paths.js';
import { useWorkerRig } from '../support/rigs/worker-rig.js';

const rig = useWorkerRig();
let modelsDir: string;
beforeEach(() => {
  modelsDir = mkdtempSync(join(tmpdir(), 'waggle-models-'));
  cpSync(join(FIXTURES, 'faulty'), join(modelsDir, 'faulty'), { recursive: true });
});
afterEach(() => rmSync(modelsDir, { recursive: true, force: true }));

/** Rewrites a file of the package. */
function edit(file: string, pattern: string, replacement: string): void {
  const path = join(modelsDir, 'faulty', file);
  writeFileSync(path, readFileSync(path, 'utf8').replaceAll(pattern, replacement));
}

it('changes version between micro-batches, loses no job, and says which version made what', async () => {
  const worker = await rig.start({ modelsDir, maxBatch: 8 });
  edit('manifest.json', '"1.0.0"', '"1.1.0"');
  edit('manifest.json', '"doubled"', '"twice"');
  const ids: string[] = [];
  const orderOne = async (): Promise<string> => {
    ids.push(await rig.order('answer', ids.length % 100));
    return ids.at(-1) ?? '';
  };
  const reloading = worker.reload();
  while (worker.models()[0]?.version === '1.0.0') await rig.allEnd([await orderOne()]);
  await reloading;
  await orderOne();
  const jobs = await rig.allEnd(ids);
  const versions = jobs.map((job, index) => {
    const member = job.state === 'succeeded' && job.modelVersion === '1.1.0' ? 'twice' : 'doubled';
    expect(job).toMatchObject({
      state: 'succeeded',
      attempts: 1,
      resultJson: JSON.stringify({ [member]: 2 * (index % 100) }),
    });
    return member;
  });
  expect(new Set(versions)).toEqual(new Set(['doubled', 'twice']));
  expect(versions.toSorted()).toEqual(versions);
  expect(await readWorkers(rig.records)).toMatchObject([{ models: [{ version: '1.1.0' }] }]);
});

it('goes on with the old version when the new one cannot serve, even after a crash', async () => {
  const worker = await rig.start({ modelsDir });
  edit('manifest.json', '"1.0.0"', '"1.1.0"');
  edit('model.json', '"Faults"', '"Unheard"');
  await worker.reload();
  const complaint = rig.log.said('model not reloaded, the old version goes on');
  expect(complaint?.fields).toMatchObject({
    version: '1.0.0',
    error: expect.stringContaining('Unheard') as string,
  });
  await rig.allEnd([await rig.order('crash', 0, { maxAttempts: 1 })]);
  const job = await rig.reaches(await rig.order('answer', 2), 'succeeded');
  expect(job).toMatchObject({ modelVersion: '1.0.0', resultJson: JSON.stringify({ doubled: 4 }) });
});

it('waits for the micro-batch that runs', async () => {
  const worker = await rig.start({ modelsDir });
  const held = await rig.order('hold', 3);
  await rig.isHeld();
  edit('manifest.json', '"1.0.0"', '"1.1.0"');
  const reloading = worker.reload();
  rig.letGo();
  await reloading;
  expect((await rig.reaches(held, 'succeeded')).modelVersion).toBe('1.0.0');
  expect((await rig.reaches(await rig.order('answer', 1), 'succeeded')).modelVersion).toBe('1.1.0');
});

it('reads the package once more when it is told again while it reloads', async () => {
  const worker = await rig.start({ modelsDir });
  edit('manifest.json', '"1.0.0"', '"1.1.0"');
  const first = worker.reload();
  edit('manifest.json', '"1.1.0"', '"1.2.0"');
  await Promise.all([first, worker.reload()]);
  expect(worker.models()).toMatchObject([{ version: '1.2.0' }]);
});
