import type { NewJob } from '../../../shared/jobs/new-job.js';
import { newClaim, newJob, QUEUE, useJobRig } from '../../support/rigs/job-rig.js';

const MICRO_BATCH = 64;

const rig = useJobRig();

/** Jobs of one owner, that come at the same moment. */
async function submitMany(owner: string, count: number, changes: Partial<NewJob> = {}): Promise<string[]> {
  const jobs = Array.from({ length: count }, () => newJob({ owner, ...changes }));
  await Promise.all(jobs.map((job) => rig.intake.create(job, 10_000)));
  return jobs.map(({ id }) => id);
}

/** Owners of the next jobs, in their order. */
async function ownersOf(most: number): Promise<string> {
  return (await rig.claim(most)).map(({ record }) => record.owner ?? '-').join('');
}
const idsOf = async (most: number): Promise<string[]> => (await rig.claim(most)).map(({ id }) => id);
const count = (text: string, owner: string): number => text.split(owner).length - 1;
const clocks = (lane = 'normal') =>
  rig.redis.command(['ZRANGE', rig.records.key(`clock:${QUEUE}:${lane}`), '0', '-1']);
const makeDue = (id: string) =>
  rig.redis.command(['ZADD', rig.records.key(`delayed:${QUEUE}`), 'XX', '1', id]);

describe('callers who are told apart', () => {
  it("have their jobs claimed with the next micro-batch, however many of another's wait", async () => {
    await submitMany('a', 200);
    await rig.claim(MICRO_BATCH);
    const [first] = await submitMany('b', 1);
    expect((await idsOf(2)).includes(first ?? '')).toBe(true);
    // One who comes again and again is not put off either.
    for (let round = 0; round < 3; round += 1) {
      await submitMany('b', 1);
      expect(await ownersOf(3)).toContain('b');
    }
  });

  it('have that also before anything was claimed, after those of another have waited for long', async () => {
    await submitMany('a', 200);
    const lane = rig.records.key(`queued:${QUEUE}:normal`);
    const clock = rig.records.key(`clock:${QUEUE}:normal`);
    // As if all of it were an hour ago.
    for (const key of [lane, clock]) {
      const flat = (await rig.redis.command(['ZRANGE', key, '0', '-1', 'WITHSCORES'])) as string[];
      const words = flat.flatMap((member, index) =>
        index % 2 === 0 ? [String(Number(flat[index + 1]) - 3_600_000_000), member] : [],
      );
      await rig.redis.command(['ZADD', key, ...words]);
    }
    const [first] = await submitMany('b', 1);
    expect((await idsOf(2)).includes(first ?? '')).toBe(true);
  });

  it('take turns while both have jobs waiting', async () => {
    await submitMany('a', 100);
    await submitMany('b', 20);
    const owners = await ownersOf(40);
    expect([count(owners, 'a'), count(owners, 'b')]).toEqual([20, 20]);
  });

  it('get turns by their weights', async () => {
    await submitMany('a', 60, { weight: 2 });
    await submitMany('b', 60);
    const owners = await ownersOf(60);
    expect([count(owners, 'a'), count(owners, 'b')]).toEqual([40, 20]);
  });

  it('get no turn back for the time in which they had nothing waiting, and keep no clock', async () => {
    await submitMany('a', 10);
    expect(await clocks()).toEqual(expect.arrayContaining(['a', '=']));
    await rig.claim(10);
    expect(await clocks()).toEqual(['=']);
    expect(await rig.redis.command(['EXISTS', rig.records.key(`waiting:${QUEUE}`)])).toBe(0);
    await submitMany('b', 30);
    await rig.claim(20);
    await submitMany('a', 20);
    const owners = await ownersOf(20);
    expect(count(owners, 'a')).toBe(10);
  });

  it('have no clock when their last job is canceled or expires', async () => {
    const [canceled = ''] = await submitMany('a', 1, { priority: 'high' });
    await submitMany('b', 1, { expiresInMs: 0 });
    expect(await clocks('high')).toContain('a');
    await rig.store.cancel(canceled, undefined);
    await rig.sweep.expire(10);
    expect([await clocks('high'), await clocks()]).toEqual([['='], ['=']]);
  });
});

it('claims the lanes strictly one after the other, whoever owns the jobs', async () => {
  const low = await submitMany('a', 3, { priority: 'low' });
  const normal = await submitMany('a', 3);
  const high = await submitMany('b', 3, { priority: 'high' });
  expect(await idsOf(4)).toEqual([...high, ...normal.slice(0, 1)]);
  expect(await idsOf(64)).toEqual([...normal.slice(1), ...low]);
});

it('keeps the order of arrival where callers are not told apart', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 5; i += 1) ids.push(await rig.submit());
  // It arrives when it may start.
  const delayed = await rig.submit({ delayMs: 60_000 });
  const last = await rig.submit();
  await makeDue(delayed);
  expect(await idsOf(64)).toEqual([...ids, last, delayed]);
});

describe('a job that comes back', () => {
  it('is claimed at its place again: before all that came later, though its owner has had turns since', async () => {
    const ids = await submitMany('a', 4);
    const jobs = await rig.claim(2);
    await submitMany('b', 4);
    await rig.leases.release(jobs);
    expect(await idsOf(2)).toEqual(ids.slice(0, 2));
  });

  it('is at its place also after a retry and its pause', async () => {
    const ids = await submitMany('a', 3);
    const [job] = await rig.claim(1);
    if (!job) throw new Error('not claimed');
    await rig.leases.retry([{ job, delayMs: 60_000, code: 'timeout', message: '' }]);
    await makeDue(job.id);
    // It is claimed by itself from now on.
    expect(await idsOf(64)).toEqual(ids.slice(0, 1));
    expect(await idsOf(64)).toEqual(ids.slice(1));
  });
});

describe('a delayed job', () => {
  it('is not claimed before its time, and whoever claims is told when that is', async () => {
    const id = await rig.submit({ owner: 'a', delayMs: 60_000 });
    const early = await rig.leases.claim(newClaim(), 15_000);
    expect(early.jobs).toEqual([]);
    expect(early.nextDueMs).toBeGreaterThan(30_000);
    expect(early.nextDueMs).toBeLessThanOrEqual(60_000);
    expect(await rig.store.find(id)).toMatchObject({ state: 'queued', waitingBefore: undefined });
    await makeDue(id);
    const late = await rig.leases.claim(newClaim(), 15_000);
    expect([late.jobs.map((job) => job.id), late.nextDueMs]).toEqual([[id], undefined]);
  });

  it('pays for its turn when it falls due, and counts as waiting before', async () => {
    const [delayed = ''] = await submitMany('a', 1, { delayMs: 60_000 });
    expect(await rig.redis.command(['HGETALL', rig.records.key(`waiting:${QUEUE}`)])).toEqual(['a', '1']);
    expect(await clocks()).toEqual([]);
    await submitMany('b', 10);
    await makeDue(delayed);
    expect(await ownersOf(2)).toContain('a');
  });
});
