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

it('times a hanging job out, kills the process, and serves the next job', async () => {
  await bench.start();
  const hanging = await bench.order('hang', 0, { timeoutMs: 300, maxAttempts: 1 });
  const failed = await bench.reaches(hanging, 'failed');
  expect(failed).toMatchObject({ attempts: 1, failure: { code: 'timeout' } });
  expect(failed.failure.message).toContain('300 ms');
  expect(await bench.reaches(await bench.order('answer', 4), 'succeeded')).toMatchObject({
    result: { doubled: 8 },
  });
});

it('tries a job that timed out again, alone and after a pause, while attempts remain', async () => {
  await bench.start();
  const hanging = await bench.order('hang', 0, { timeoutMs: 200, maxAttempts: 2 });
  expect(await bench.reaches(hanging, 'failed')).toMatchObject({ attempts: 2, failure: { code: 'timeout' } });
  const failures = () => bench.log.lines.filter(({ message }) => message === 'attempt failed');
  // The record tells of the end a moment before the log does.
  await until(() => failures().length === 2);
});

it('ends a canceled job at once, though its prediction goes on, and drops its outcome', async () => {
  await bench.start();
  const held = await bench.order('hold', 0);
  await bench.isHeld();
  expect(await bench.store.cancel(held, undefined)).toBe('canceling');
  await bench.reaches(held, 'canceled');
  const next = await bench.order('answer', 3);
  bench.letGo();
  expect(await bench.reaches(next, 'succeeded')).toMatchObject({ result: { doubled: 6 } });
  expect((await bench.find(held))?.state).toBe('canceled');
});

it('hears of a cancellation from the renewal of leases, when the message was missed', async () => {
  await bench.start({ leaseMs: 600 });
  const held = await bench.order('hold', 0);
  await bench.isHeld();
  await bench.redis.command(['HSET', bench.records.key(`job:${held}`), 'status', 'canceling']);
  await bench.reaches(held, 'canceled');
  expect(bench.log.said('job lost to another worker')).toBeUndefined();
  bench.letGo();
});

it('keeps the lease of a job that runs for several leases', async () => {
  await bench.start({ leaseMs: 300 });
  const held = await bench.order('hold', 5);
  await bench.isHeld();
  const firstEnd = Number(await bench.redis.command(['ZSCORE', bench.records.key('running'), held]));
  for (let end = firstEnd; end < firstEnd + 900; ) {
    end = Number(await bench.redis.command(['ZSCORE', bench.records.key('running'), held]));
    expect((await bench.claim([held], 300))[0]?.kind).toBe('busy');
  }
  bench.letGo();
  expect(await bench.reaches(held, 'succeeded')).toMatchObject({ attempts: 1, result: { doubled: 10 } });
});

it('writes nothing for a job that another worker took over', async () => {
  await bench.start({ leaseMs: 600 });
  const held = await bench.order('hold', 0);
  await bench.isHeld();
  await bench.redis.command(['ZADD', bench.records.key('running'), '1', held]);
  const [claim] = await bench.claim([held], 60_000);
  expect(claim?.kind).toBe('run');
  bench.letGo();
  await bench.reaches(await bench.order('answer', 1), 'succeeded');
  expect(await bench.find(held)).toMatchObject({ state: 'running', attempts: 2 });
});
