import { isEnded } from '../../shared/jobs/job.js';
import { readWorkers } from '../../shared/workers/registry.js';
import { until } from '../support/latch.js';
import { useWorkerRig } from '../support/rigs/worker-rig.js';

const rig = useWorkerRig();

it('finishes what runs and gives back what it has not claimed, in time for another worker', async () => {
  await rig.start({ maxBatch: 2 });
  const held = await rig.order('hold', 1);
  await rig.isHeld();
  const ids = await Promise.all(Array.from({ length: 12 }, (_, value) => rig.order('answer', value)));
  const stopping = rig.stopWorkers();
  rig.letGo();
  await stopping;
  await rig.reaches(held, 'succeeded');
  for (const id of ids) expect(['queued', 'succeeded']).toContain((await rig.find(id))?.state);
  await rig.start();
  const jobs = await rig.allEnd(ids);
  expect(jobs.map(({ state, attempts }) => `${state} ${attempts}`)).toEqual(Array(12).fill('succeeded 1'));
});

it('gives back a job that does not finish in time, without counting the attempt', async () => {
  await rig.start({ graceMs: 1_200 });
  const held = await rig.order('hold', 4, { maxAttempts: 1 });
  await rig.isHeld();
  await rig.stopWorkers();
  expect(await rig.find(held)).toMatchObject({ state: 'queued', attempts: 0 });
  rig.letGo();
  await rig.start();
  expect(await rig.reaches(held, 'succeeded')).toMatchObject({
    attempts: 1,
    resultJson: JSON.stringify({ doubled: 8 }),
  });
});

it('gives back what it claimed ahead, without counting the attempt', async () => {
  const order = (value: number): Promise<string> => rig.order('answer', value, { maxAttempts: 1 });
  const before = await Promise.all([1, 2, 3, 4].map(order));
  const held = await rig.order('hold', 0);
  const others = [...before, ...(await Promise.all([5, 6, 7, 8].map(order)))];
  // Full batches that are soon done, however busy the machine: the one after the held one is claimed while that is held.
  const clock = jest.spyOn(performance, 'now').mockReturnValue(performance.now());
  const worker = await rig.start({ maxBatch: 1 });
  await rig.isHeld();
  const ahead = await until(async () => {
    const jobs = await Promise.all(others.map((id) => rig.find(id)));
    // Of those that ran every outcome is written: what still runs beside the held one has not begun.
    const written = jobs.filter((job) => job?.state === 'succeeded').length;
    if (worker.models()[0]?.batches !== written) return undefined;
    return jobs.find((job) => job?.state === 'running')?.id;
  });
  clock.mockRestore();
  const stopping = rig.stopWorkers();
  // Before anything is waited for.
  expect(await rig.reaches(ahead, 'queued')).toMatchObject({ attempts: 0 });
  rig.letGo();
  await stopping;
  expect(await rig.find(ahead)).toMatchObject({ state: 'queued', attempts: 0 });
  expect(await rig.reaches(held, 'succeeded')).toMatchObject({ attempts: 1 });
  await rig.start();
  const jobs = await rig.allEnd(others);
  expect(jobs.map(({ state, attempts }) => `${state} ${attempts}`)).toEqual(Array(8).fill('succeeded 1'));
});

it('stands in the registry while it serves and not after', async () => {
  await rig.start();
  expect(await readWorkers(rig.records)).toMatchObject([
    {
      pid: process.pid,
      models: [{ name: 'faulty', version: '1.0.0', format: 'tfjs-layers', engine: 'wasm' }],
    },
  ]);
  await rig.stopWorkers();
  expect(await readWorkers(rig.records)).toEqual([]);
});

it('loses and doubles nothing when workers come and go under load', async () => {
  const ids: string[] = [];
  const submit = async (): Promise<void> => {
    for (let more = 0; more < 100; more += 1) ids.push(await rig.order('answer', ids.length));
  };
  await rig.start({ maxBatch: 8 });
  for (let change = 0; change < 3; change += 1) {
    await Promise.all([submit(), rig.stopWorkers().then(() => rig.start({ maxBatch: 8 }))]);
  }
  const jobs = await rig.allEnd(ids);
  expect(jobs.every((job) => isEnded(job.state) && job.attempts === 1)).toBe(true);
  jobs.forEach((job, index) =>
    expect(job).toMatchObject({ resultJson: JSON.stringify({ doubled: 2 * index }) }),
  );
});
