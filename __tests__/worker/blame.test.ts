import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { BatchStore } from '../../shared/batches/batch-store.js';
import { encodeChunk } from '../../shared/batches/chunk-codec.js';
import { readCatalog } from '../../shared/model/catalog.js';
import { createColumnLayout } from '../../shared/model/columns.js';
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
const CHUNKS = 'faulty.chunks';
const answers = (count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, (_, value) => bench.order('answer', value, ONCE)));
const endsOf = async (ids: readonly string[]): Promise<string[]> =>
  (await bench.allEnd(ids)).map(({ state, attempts }) => `${state} ${attempts}`);
const isRunning = async (id: string): Promise<void> =>
  void (await until(async () => (await bench.find(id))?.state === 'running', { what: `a run of ${id}` }));

/** A batch of two chunks of a row each, whose chunks have a single attempt. */
async function batchOfTwo(batches: BatchStore): Promise<string> {
  const manifest = readCatalog(FIXTURES).packages.get('faulty')?.manifest;
  if (!manifest) throw new Error('no package of that name');
  const layout = createColumnLayout(manifest);
  const columns = layout.allocate(1);
  layout.write(columns, 0, { act: 'answer', value: 1 });
  const chunk = encodeChunk(layout, { columns, holes: new Uint32Array() });
  const id = uuidv7();
  const limits = { chunkRows: 1, timeoutMs: 60_000, maxAttempts: 1, resultTtlMs: 60_000 };
  await batches.create({ id, model: 'faulty', queue: CHUNKS, owner: '', strict: false, ...limits }, 9);
  for (const number of [0, 1]) {
    const jobId = await batches.add(id, { number, rows: 1, columns: chunk, invalid: {} });
    await bench.producers.enqueue(CHUNKS, { jobId: jobId ?? '', delivery: 1 });
  }
  await batches.complete(id, 'fingerprint');
  return id;
}

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
  const ids = [...(await answers(8)), await bench.order('hold', 0, ONCE)];
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
    await until(gate.isHeld);
    // Claimed while the model is busy with jobs.
    const batches = new BatchStore(bench.records);
    const batch = await batchOfTwo(batches);
    const held = (number: number) =>
      bench.redis.command(['ZSCORE', bench.records.key('running'), `${batch}:${number}`]);
    await until(async () => (await held(0)) !== null && (await held(1)) !== null);
    // All but what Bee-Queue had handed out and the claim had not heard of.
    const states = await Promise.all(ids.map(async (id) => (await bench.find(id))?.state));
    const inHand = ids.filter((_, index) => states[index] === 'running');
    expect(inHand.length).toBeGreaterThan(5);
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    await until(async () => {
      const { found, ended } = await bench.sweep.reap({ offset: 0, limit: 100 });
      expect(ended).toEqual([]);
      for (const { queue, ...delivery } of found) {
        await bench.producers.enqueue(queue, delivery);
      }
      return (await bench.redis.command(['ZCARD', bench.records.key('running')])) === 0;
    });
    for (const id of inHand) expect(await bench.find(id)).toMatchObject({ state: 'queued', attempts: 0 });
    bench.letGo();
    const worker = await bench.start();
    expect(new Set(await endsOf(inHand))).toEqual(new Set(['succeeded 1']));
    const done = async () => (await batches.find(batch))?.state === 'succeeded';
    await until(done, { what: 'the end of the batch' });
    expect((await batches.find(batch))?.rows).toMatchObject({ succeeded: 2, failed: 0 });
    // Each by itself, also where many waited together.
    await until(() => (worker.models()[0]?.jobs ?? 0) >= inHand.length);
    expect(worker.models()[0]?.meanBatchSize).toBe(1);
  } finally {
    killed.kill('SIGKILL');
    gate.remove();
  }
});
