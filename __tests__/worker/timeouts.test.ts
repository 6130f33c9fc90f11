import { until } from '../support/latch.js';
import { useWorkerRig } from '../support/rigs/worker-rig.js';

const rig = useWorkerRig();

it('times a hanging job out, kills the process, and serves the next job', async () => {
  await rig.start();
  const hanging = await rig.order('hang', 0, { timeoutMs: 300, maxAttempts: 1 });
  const failed = await rig.reaches(hanging, 'failed');
  expect(failed).toMatchObject({ attempts: 1, failure: { code: 'timeout' } });
  expect(failed.failure.message).toContain('300 ms');
  expect(await rig.reaches(await rig.order('answer', 4), 'succeeded')).toMatchObject({
    resultJson: JSON.stringify({ doubled: 8 }),
  });
});

it('tries a job that timed out again, alone and after a pause, while attempts remain', async () => {
  await rig.start();
  const hanging = await rig.order('hang', 0, { timeoutMs: 200, maxAttempts: 2 });
  expect(await rig.reaches(hanging, 'failed')).toMatchObject({ attempts: 2, failure: { code: 'timeout' } });
  const failures = () => rig.log.lines.filter(({ message }) => message === 'attempt failed');
  // The record tells of the end a moment before the log does.
  await until(() => failures().length === 2);
});

it('ends a canceled job at once, though its prediction goes on, and drops its outcome', async () => {
  await rig.start();
  const held = await rig.order('hold', 0);
  await rig.isHeld();
  expect(await rig.store.cancel(held, undefined)).toBe('canceling');
  await rig.reaches(held, 'canceled');
  const next = await rig.order('answer', 3);
  rig.letGo();
  expect(await rig.reaches(next, 'succeeded')).toMatchObject({ resultJson: JSON.stringify({ doubled: 6 }) });
  expect((await rig.find(held))?.state).toBe('canceled');
});

it('hears of a cancellation from the renewal of leases, when the message was missed', async () => {
  await rig.start({ leaseMs: 600 });
  const held = await rig.order('hold', 0);
  await rig.isHeld();
  await rig.redis.command(['HSET', rig.records.key('wishes'), held, 'cancel']);
  await rig.reaches(held, 'canceled');
  expect(rig.log.said('job lost to another worker')).toBeUndefined();
  rig.letGo();
});

it('keeps the lease of a job that runs for several leases', async () => {
  await rig.start({ leaseMs: 300 });
  const held = await rig.order('hold', 5);
  await rig.isHeld();
  const firstEnd = Number(await rig.redis.command(['ZSCORE', rig.records.key('running'), held]));
  for (let end = firstEnd; end < firstEnd + 900; ) {
    end = Number(await rig.redis.command(['ZSCORE', rig.records.key('running'), held]));
    expect(await rig.sweep.reap(10)).toEqual([]);
  }
  rig.letGo();
  expect(await rig.reaches(held, 'succeeded')).toMatchObject({
    attempts: 1,
    resultJson: JSON.stringify({ doubled: 10 }),
  });
});

it('writes nothing for a job that another worker took over', async () => {
  await rig.start({ leaseMs: 600 });
  const held = await rig.order('hold', 0);
  await rig.isHeld();
  await rig.redis.command(['ZADD', rig.records.key('running'), '1', held]);
  expect(await rig.sweep.reap(10)).toMatchObject([{ jobId: held, outcome: 'queued' }]);
  await rig.claimIds([held], 60_000);
  rig.letGo();
  await rig.reaches(await rig.order('answer', 1), 'succeeded');
  expect(await rig.find(held)).toMatchObject({ state: 'running', attempts: 2 });
});
