import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { gateOf } from '../support/gate.js';
import { until } from '../support/latch.js';
import { FIXTURES } from '../support/paths.js';
import { useWorkerRig } from '../support/rigs/worker-rig.js';

// A process takes a moment to start, and longer on a machine that is busy.
jest.setTimeout(60_000);

const rig = useWorkerRig();

const ONCE = { maxAttempts: 1 };
const answers = (count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, (_, value) => rig.order('answer', value, ONCE)));
const endsOf = async (ids: readonly string[]): Promise<string[]> =>
  (await rig.allEnd(ids)).map(({ state, attempts }) => `${state} ${attempts}`);
const isRunning = async (id: string): Promise<void> =>
  void (await until(async () => (await rig.find(id))?.state === 'running', { what: `a run of ${id}` }));

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
    for (const id of ids) expect(await rig.find(id)).toMatchObject({ state: 'running' });
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    await until(async () => {
      for (const { outcome } of await rig.sweep.reap(100)) expect(outcome).toBe('queued');
      return (await rig.redis.command(['ZCARD', rig.records.key('running')])) === 0;
    });
    for (const id of ids) expect(await rig.find(id)).toMatchObject({ state: 'queued', attempts: 0 });
    rig.letGo();
    const worker = await rig.start();
    expect(new Set(await endsOf(ids))).toEqual(new Set(['succeeded 1']));
    // Each by itself, also where many waited together.
    await until(() => (worker.models()[0]?.jobs ?? 0) >= ids.length);
    expect(worker.models()[0]?.meanBatchSize).toBe(1);
  } finally {
    killed.kill('SIGKILL');
    gate.remove();
  }
});
