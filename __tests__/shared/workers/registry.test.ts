import {
  announceWorker,
  readWorkers,
  withdrawWorker,
  type WorkerInfo,
} from '../../../shared/workers/registry.js';
import { type JobBench, openJobBench } from '../../support/jobs.js';
import { startRedis, type TestRedis } from '../../support/redis.js';

let server: TestRedis;
let bench: JobBench;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  bench = await openJobBench(server);
});
afterEach(() => bench.close());

const worker = (id: string): WorkerInfo => ({
  id,
  host: 'here',
  pid: 17,
  startedAtMs: 1_795_390_000_000,
  models: [
    {
      name: 'greenhouse',
      version: '2.1.0',
      format: 'tfjs-graph',
      engine: 'wasm',
      device: 'CPU, WebAssembly',
      passedOver: [{ engine: 'gpu', why: 'is not installed' }],
      jobs: 12,
      batches: 3,
      lastBatchSize: 2,
      meanBatchSize: 4,
    },
  ],
});

it('gives back what workers said, until they leave', async () => {
  expect(await readWorkers(bench.records)).toEqual([]);
  await announceWorker(bench.records, worker('a'));
  await announceWorker(bench.records, worker('b'));
  await announceWorker(bench.records, { ...worker('a'), pid: 18 });
  expect(await readWorkers(bench.records)).toMatchObject([{ ...worker('a'), pid: 18 }, worker('b')]);
  await withdrawWorker(bench.records, 'a');
  expect(await readWorkers(bench.records)).toMatchObject([worker('b')]);
});

it('forgets a worker that stopped reporting', async () => {
  await announceWorker(bench.records, worker('a'));
  const key = bench.records.key('worker:a');
  expect(await bench.redis.command(['PTTL', key])).toBeGreaterThan(10_000);
  await bench.redis.command(['DEL', key]);
  expect(await readWorkers(bench.records)).toEqual([]);
});

it('reads what a later version says, whatever it adds', async () => {
  const later = { ...worker('a'), threads: 4, models: [{ ...worker('a').models[0], cores: 2 }] };
  await announceWorker(bench.records, later as WorkerInfo);
  expect(await readWorkers(bench.records)).toMatchObject([worker('a')]);
});

it('leaves out what is no report', async () => {
  await announceWorker(bench.records, worker('a'));
  for (const [id, text] of [
    ['b', 'not JSON'],
    ['c', '{"id":"c"}'],
    ['d', JSON.stringify({ ...worker('d'), models: [{ name: 'x' }] })],
  ] as const) {
    await bench.redis.command(['SET', bench.records.key(`worker:${id}`), text]);
    await bench.redis.command(['ZADD', bench.records.key('workers'), String(Date.now()), id]);
  }
  expect((await readWorkers(bench.records)).map(({ id }) => id)).toEqual(['a']);
});
