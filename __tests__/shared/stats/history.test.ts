import { percentileMs } from '../../../shared/stats/histogram.js';
import { StatsStore } from '../../../shared/stats/stats-store.js';
import { emptyTally } from '../../../shared/stats/tally.js';
import { QUEUE, useJobRig } from '../../support/rigs/job-rig.js';

const rig = useJobRig();
let stats: StatsStore;
beforeEach(() => {
  stats = new StatsStore(rig.records);
});

const RUN = { queue: QUEUE, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 3 };

async function minuteNow(): Promise<number> {
  const { nowMs } = await stats.depths([]);
  return Math.floor(nowMs / 60_000);
}

/** The last two minutes: a test may run over the end of one. */
async function lately() {
  const minutes = await stats.minutes(QUEUE, { first: (await minuteNow()) - 1, count: 2 });
  return [...minutes.values()];
}

const totalOf = async (name: 'submitted' | 'succeeded' | 'failed' | 'canceled' | 'batches' | 'batch_jobs') =>
  (await lately()).reduce((sum, { counts }) => sum + counts[name], 0);

it('counts what is submitted, how it ends, and the micro-batches that it ran in', async () => {
  await Promise.all([rig.submit(), rig.submit(), rig.submit()]);
  const last = await rig.submit();
  const outcomes = (await rig.claim(3)).map((job, index) => ({
    job,
    verdict:
      index === 0
        ? ({ ok: false, code: 'model_error', message: '' } as const)
        : ({ ok: true, result: {} } as const),
  }));
  await rig.leases.commit(RUN, outcomes);
  await rig.leases.commit(RUN, outcomes);
  await rig.store.cancel(last, undefined);
  expect(await totalOf('submitted')).toBe(4);
  expect(await totalOf('failed')).toBe(1);
  expect(await totalOf('succeeded')).toBe(2);
  expect(await totalOf('canceled')).toBe(1);
  expect([await totalOf('batches'), await totalOf('batch_jobs')]).toEqual([1, 3]);
});

it('keeps how long jobs waited and took, in buckets by which percentiles are told', async () => {
  const id = await rig.submit();
  // As if it had been submitted two seconds ago.
  const key = rig.records.key(`job:${id}`);
  const text = String(await rig.redis.command(['GET', key]));
  const created = (await rig.store.find(id))?.createdMs ?? 0;
  await rig.redis.command(['SET', key, text.replace(created.toFixed(3), (created - 2_000).toFixed(3))]);
  const [job] = await rig.claim(1);
  if (!job) throw new Error('not claimed');
  await rig.leases.commit(RUN, [{ job, verdict: { ok: true, result: {} } }]);
  const tally = (await lately()).find(({ total }) => total.size > 0);
  for (const histogram of [tally?.total, tally?.wait]) {
    const p50 = percentileMs(histogram ?? new Map(), 0.5);
    expect(p50).toBeGreaterThan(1_700);
    expect(p50).toBeLessThan(2_600);
  }
});

it('forgets a minute after a day and an hour', async () => {
  await rig.submit();
  const keys = await rig.redis.command(['KEYS', rig.records.key('minute:*')]);
  expect(keys).toHaveLength(1);
  const leftMs = await rig.redis.command(['PTTL', String(Array.isArray(keys) && keys[0])]);
  expect(leftMs).toBeGreaterThan(24.9 * 3_600_000);
  expect(leftMs).toBeLessThanOrEqual(25 * 3_600_000);
});

it('passes over what another version counted', async () => {
  await rig.submit();
  const keys = await rig.redis.command(['KEYS', rig.records.key('minute:*')]);
  await rig.redis.command(['HSET', String(Array.isArray(keys) && keys[0]), 'started', '7', 'x12', '1']);
  expect(await lately()).toEqual([
    { counts: { ...emptyTally().counts, submitted: 1 }, total: new Map(), wait: new Map() },
  ]);
});

it('tells what waits, since when, and what runs', async () => {
  const before = await stats.depths([QUEUE, 'other']);
  expect(before).toMatchObject({
    running: 0,
    queues: [
      { waiting: 0, running: 0, oldestCreatedMs: undefined },
      { waiting: 0, running: 0, oldestCreatedMs: undefined },
    ],
  });
  const [first] = [await rig.submit(), await rig.submit(), await rig.submit()];
  const created = (await rig.store.find(first))?.createdMs;
  expect((await stats.depths([QUEUE])).queues).toEqual([
    { waiting: 3, delayed: 0, running: 0, oldestCreatedMs: created },
  ]);
  await rig.claim(1);
  expect(await stats.depths([QUEUE])).toMatchObject({ running: 1, queues: [{ waiting: 2, running: 1 }] });
});

describe('percentileMs', () => {
  it('lies within a tenth of the true value', () => {
    const values = Array.from({ length: 1_000 }, (_, i) => 0.2 * 1.01 ** i);
    const histogram = new Map<number, number>();
    for (const value of values) {
      const bucket = Math.floor(4 * Math.log2(value * 8));
      histogram.set(bucket, (histogram.get(bucket) ?? 0) + 1);
    }
    for (const share of [0.5, 0.95, 0.99]) {
      const exact = values[Math.ceil(share * values.length) - 1] ?? 0;
      expect(Math.abs((percentileMs(histogram, share) ?? 0) / exact - 1)).toBeLessThan(0.1);
    }
  });

  it('is undefined of nothing', () => expect(percentileMs(new Map(), 0.5)).toBeUndefined());
});
