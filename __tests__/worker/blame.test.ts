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
import { FIXTURES } from '../support/paths.js';
import { useWorkerRig } from '../support/rigs/worker-rig.js';

// A process takes a moment to start, and longer on a machine that is busy.
jest.setTimeout(60_000);

const rig = useWorkerRig();

const ONCE = { maxAttempts: 1 };
const CHUNKS = 'faulty.chunks';
const answers = (count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, (_, value) => rig.order('answer', value, ONCE)));
const endsOf = async (ids: readonly string[]): Promise<string[]> =>
  (await rig.allEnd(ids)).map(({ state, attempts }) => `${state} ${attempts}`);
const isRunning = async (id: string): Promise<void> =>
  void (await until(async () => (await rig.find(id))?.state === 'running', { what: `a run of ${id}` }));

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
    await rig.producers.enqueue(CHUNKS, { jobId: jobId ?? '', delivery: 1 });
  }
  await batches.complete(id, 'fingerprint');
  return id;
}

/** Jobs that share a micro-batch: they gather while the model is held up. */
async function shared(hangsMs: number): Promise<{ hanging: string; mates: string[] }> {
  await rig.start();
  await rig.order('hold', 0);
  await rig.isHeld();
  const before = await answers(8);
  const hanging = await rig.order('hang', 0, { timeoutMs: hangsMs, ...ONCE });
  const mates = [...before, ...(await answers(7))];
  rig.letGo();
  return { hanging, mates };
}

it('charges a job that hangs, and none of those that share its micro-batch', async () => {
  const { hanging, mates } = await shared(300);
  expect(await endsOf(mates)).toEqual(Array(15).fill('succeeded 1'));
  expect((await rig.allEnd([hanging]))[0]).toMatchObject({
    state: 'failed',
    attempts: 1,
    failure: { code: 'timeout', message: expect.stringContaining('300 ms') as string },
  });
});

it('frees those that share a micro-batch with a job that is canceled while it hangs', async () => {
  const { hanging, mates } = await shared(60_000);
  await isRunning(hanging);
  expect(await rig.store.cancel(hanging, undefined)).toBe('canceling');
  expect(await endsOf(mates)).toEqual(Array(15).fill('succeeded 1'));
  expect((await rig.find(hanging))?.state).toBe('canceled');
});

it('gives back what it holds and does not run, while an inference process starts that never serves', async () => {
  // Full micro-batches that are soon done: the next is claimed while one runs.
  const quick = await answers(6);
  const crashing = await rig.order('crash', 0, { maxAttempts: 2 });
  const others = await answers(64);
  await rig.start({ maxBatch: 2, graceMs: 30_000 });
  rig.stall();
  const wasLost = () => rig.log.said('inference process gone, starting another');
  await until(() => wasLost() && rig.log.said('micro-batch failed, running its jobs one by one'));
  await rig.stopWorkers();
  const jobs = await Promise.all([...quick, crashing, ...others].map((id) => rig.find(id)));
  const left = jobs.map((job) => `${job?.state} ${job?.attempts}`).filter((end) => end !== 'succeeded 1');
  expect(left.length).toBeGreaterThan(50);
  expect(new Set(left)).toEqual(new Set(['queued 0']));
});

it('charges nobody for a worker that is killed with many jobs in its hands, and runs them one by one', async () => {
  const ids = [...(await answers(8)), await rig.order('hold', 0, ONCE)];
  const killed = fork(join(FIXTURES, '../faulty-worker.mjs'), [], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      PATH: process.env['PATH'],
      REDIS_URL: rig.server.url,
      KEY_PREFIX: rig.keyPrefix,
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
    const batches = new BatchStore(rig.records);
    const batch = await batchOfTwo(batches);
    const held = (number: number) =>
      rig.redis.command(['ZSCORE', rig.records.key('running'), `${batch}:${number}`]);
    await until(async () => (await held(0)) !== null && (await held(1)) !== null);
    // All but what Bee-Queue had handed out and the claim had not heard of.
    const states = await Promise.all(ids.map(async (id) => (await rig.find(id))?.state));
    const inHand = ids.filter((_, index) => states[index] === 'running');
    expect(inHand.length).toBeGreaterThan(5);
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    await until(async () => {
      const { found, ended } = await rig.sweep.reap({ offset: 0, limit: 100 });
      expect(ended).toEqual([]);
      for (const { queue, ...delivery } of found) {
        await rig.producers.enqueue(queue, delivery);
      }
      return (await rig.redis.command(['ZCARD', rig.records.key('running')])) === 0;
    });
    for (const id of inHand) expect(await rig.find(id)).toMatchObject({ state: 'queued', attempts: 0 });
    rig.letGo();
    const worker = await rig.start();
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
