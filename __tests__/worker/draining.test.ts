import { isEnded } from '../../shared/jobs/job.js';
import { readWorkers } from '../../shared/workers/registry.js';
import { until } from '../support/latch.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { openWorkerBench, type WorkerBench } from './worker-bench.js';

let server: TestRedis;
let bench: WorkerBench;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  bench = await openWorkerBench(server);
});
afterEach(() => bench.close());

it('finishes what runs and gives back what it has not claimed, in time for another worker', async () => {
  await bench.start({ maxBatch: 2 });
  const held = await bench.order('hold', 1);
  await bench.isHeld();
  const ids = await Promise.all(Array.from({ length: 12 }, (_, value) => bench.order('answer', value)));
  const stopping = bench.stopWorkers();
  bench.letGo();
  await stopping;
  await bench.reaches(held, 'succeeded');
  for (const id of ids) expect(['queued', 'succeeded']).toContain((await bench.find(id))?.state);
  await bench.start();
  const jobs = await bench.allEnd(ids);
  expect(jobs.map(({ state, attempts }) => `${state} ${attempts}`)).toEqual(Array(12).fill('succeeded 1'));
});

it('gives back a job that does not finish in time, without counting the attempt', async () => {
  await bench.start({ graceMs: 1_200 });
  const held = await bench.order('hold', 4, { maxAttempts: 1 });
  await bench.isHeld();
  await bench.stopWorkers();
  expect(await bench.find(held)).toMatchObject({ state: 'queued', attempts: 0 });
  bench.letGo();
  await bench.start();
  expect(await bench.reaches(held, 'succeeded')).toMatchObject({ attempts: 1, result: { doubled: 8 } });
});

it('gives back what it claimed ahead, without counting the attempt', async () => {
  const order = (value: number): Promise<string> => bench.order('answer', value, { maxAttempts: 1 });
  const before = await Promise.all([1, 2, 3, 4].map(order));
  const held = await bench.order('hold', 0);
  const others = [...before, ...(await Promise.all([5, 6, 7, 8].map(order)))];
  // Full batches that are soon done, however busy the machine: the one after the held one is claimed while that is held.
  const clock = jest.spyOn(performance, 'now').mockReturnValue(performance.now());
  const worker = await bench.start({ maxBatch: 1 });
  await bench.isHeld();
  const ahead = await until(async () => {
    const jobs = await Promise.all(others.map((id) => bench.find(id)));
    // Of those that ran every outcome is written: what still runs beside the held one has not begun.
    const written = jobs.filter((job) => job?.state === 'succeeded').length;
    if (worker.models()[0]?.batches !== written) return undefined;
    return jobs.find((job) => job?.state === 'running')?.id;
  });
  clock.mockRestore();
  const stopping = bench.stopWorkers();
  // Before anything is waited for.
  expect(await bench.reaches(ahead, 'queued')).toMatchObject({ attempts: 0 });
  bench.letGo();
  await stopping;
  expect(await bench.find(ahead)).toMatchObject({ state: 'queued', attempts: 0 });
  expect(await bench.reaches(held, 'succeeded')).toMatchObject({ attempts: 1 });
  await bench.start();
  const jobs = await bench.allEnd(others);
  expect(jobs.map(({ state, attempts }) => `${state} ${attempts}`)).toEqual(Array(8).fill('succeeded 1'));
});

it('stands in the registry while it serves and not after', async () => {
  await bench.start();
  expect(await readWorkers(bench.records)).toMatchObject([
    {
      pid: process.pid,
      models: [{ name: 'faulty', version: '1.0.0', format: 'tfjs-layers', engine: 'wasm' }],
    },
  ]);
  await bench.stopWorkers();
  expect(await readWorkers(bench.records)).toEqual([]);
});

it('loses and doubles nothing when workers come and go under load', async () => {
  const ids: string[] = [];
  const submit = async (): Promise<void> => {
    for (let more = 0; more < 100; more += 1) ids.push(await bench.order('answer', ids.length));
  };
  await bench.start({ maxBatch: 8 });
  for (let change = 0; change < 3; change += 1) {
    await Promise.all([submit(), bench.stopWorkers().then(() => bench.start({ maxBatch: 8 }))]);
  }
  const jobs = await bench.allEnd(ids);
  expect(jobs.every((job) => isEnded(job.state) && job.attempts === 1)).toBe(true);
  jobs.forEach((job, index) => expect(job).toMatchObject({ result: { doubled: 2 * index } }));
});
