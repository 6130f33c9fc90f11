import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { gateOf } from '../support/gate.js';
import { until } from '../support/latch.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { FIXTURES } from './paths.js';
import { openWorkerBench, type WorkerBench } from './worker-bench.js';

// A process takes a moment to start, and longer on a machine that is busy.
jest.setTimeout(60_000);

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

const ONCE = { maxAttempts: 1 };
const answers = (count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, (_, value) => bench.order('answer', value, ONCE)));
const endsOf = async (ids: readonly string[]): Promise<string[]> =>
  (await bench.allEnd(ids)).map(({ state, attempts }) => `${state} ${attempts}`);
const isRunning = async (id: string): Promise<void> =>
  void (await until(async () => (await bench.find(id))?.state === 'running', { what: `a run of ${id}` }));

/** Jobs that share a micro-batch: they gather while the model is held up. */
async function shared(hangsMs: number): Promise<{ hanging: string; mates: string[] }> {
  await bench.start();
  await bench.order('hold', 0);
  await bench.isHeld();
  const before = await answers(8);
  const hanging = await bench.order('hang', 0, { timeoutMs: hangsMs, ...ONCE });
  const mates = [...before, ...(await answers(7))];
  bench.letGo();
  return { hanging, mates };
}

it('charges a job that hangs, and none of those that share its micro-batch', async () => {
  const { hanging, mates } = await shared(300);
  expect(await endsOf(mates)).toEqual(Array(15).fill('succeeded 1'));
  expect((await bench.allEnd([hanging]))[0]).toMatchObject({
    state: 'failed',
    attempts: 1,
    failure: { code: 'timeout', message: expect.stringContaining('300 ms') as string },
  });
});

it('frees those that share a micro-batch with a job that is canceled while it hangs', async () => {
  const { hanging, mates } = await shared(60_000);
  await isRunning(hanging);
  expect(await bench.store.cancel(hanging, undefined)).toBe('canceling');
  expect(await endsOf(mates)).toEqual(Array(15).fill('succeeded 1'));
  expect((await bench.find(hanging))?.state).toBe('canceled');
});

it('gives back what it holds and does not run, while an inference process starts that never serves', async () => {
  // Full micro-batches that are soon done: the next is claimed while one runs.
  const quick = await answers(6);
  const crashing = await bench.order('crash', 0, { maxAttempts: 2 });
  const others = await answers(64);
  await bench.start({ maxBatch: 2, graceMs: 30_000 });
  bench.stall();
  const wasLost = () => bench.log.said('inference process gone, starting another');
  await until(() => wasLost() && bench.log.said('batch failed, running its jobs one by one'));
  await bench.stopWorkers();
  const jobs = await Promise.all([...quick, crashing, ...others].map((id) => bench.find(id)));
  const left = jobs.map((job) => `${job?.state} ${job?.attempts}`).filter((end) => end !== 'succeeded 1');
  expect(left.length).toBeGreaterThan(50);
  expect(new Set(left)).toEqual(new Set(['queued 0']));
});

it('charges nobody for a worker that is killed with many jobs in its hands, and runs them one by one', async () => {
  const killed = fork(join(FIXTURES, '../faulty-worker.mjs'), [], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      PATH: process.env['PATH'],
      REDIS_URL: server.url,
      KEY_PREFIX: bench.keyPrefix,
      MODELS_DIR: FIXTURES,
      MODELS: 'faulty',
      TF_ENGINE: 'wasm',
      LEASE_MS: '1000',
      LOG_LEVEL: 'error',
    },
  });
  const gate = gateOf(killed.pid ?? 0);
  try {
    await once(killed, 'message');
    const first = await bench.order('hold', 0, ONCE);
    await until(gate.isHeld);
    const ids = await answers(20);
    const poison = await bench.order('hold', 0, ONCE);
    gate.open();
    await bench.reaches(first, 'succeeded');
    gate.remove();
    await until(gate.isHeld);
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    const back: string[] = [];
    await until(async () => {
      const { found, ended } = await bench.sweep.reap({ offset: 0, limit: 100 });
      expect(ended).toEqual([]);
      for (const delivery of found) {
        await bench.producers.enqueue('faulty', delivery);
        back.push(delivery.jobId);
      }
      return back.includes(poison);
    });
    expect(await bench.find(poison)).toMatchObject({ state: 'queued', attempts: 0 });
    bench.letGo();
    const worker = await bench.start();
    expect(await endsOf([...ids, poison])).toEqual(Array(21).fill('succeeded 1'));
    // Each by itself, also where many waited together.
    await until(() => worker.models()[0]?.jobs === back.length);
    expect(worker.models()[0]).toMatchObject({ batches: back.length, lastBatchSize: 1 });
  } finally {
    killed.kill('SIGKILL');
    gate.remove();
  }
});
