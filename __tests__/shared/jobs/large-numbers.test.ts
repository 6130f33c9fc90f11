import { v7 as uuidv7 } from 'uuid';
import { BatchStore } from '../../../shared/batches/batch-store.js';
import type { Job } from '../../../shared/jobs/job.js';
import { listJobs, type Page } from '../../../shared/jobs/job-list.js';
import { newJob, QUEUE, useJobRig } from '../../support/rigs/job-rig.js';

/** More than Lua can unpack, which is where scripts over many ids break. */
const MANY = 8_100;
/** Twice the largest MAX_BATCH. */
const TAKEN = 2_048;
const LONG_MS = 60_000;
const RUN = { queue: QUEUE, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: TAKEN };

const rig = useJobRig();

async function create(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => uuidv7());
  await Promise.all(ids.map((id) => rig.store.create(newJob({ id, owner: 'ann' }), MANY)));
  return ids;
}

const requestsFor = (ids: readonly string[], delivery = 1) =>
  ids.map((jobId) => ({ jobId, delivery, claimId: jobId }));
const kinds = (replies: readonly { kind: string }[]): string[] => [
  ...new Set(replies.map(({ kind }) => kind)),
];
const size = (name: string) => rig.redis.command(['ZCARD', rig.records.key(name)]);

it('claims, renews, gives back, ends and reaps thousands of jobs in one call each', async () => {
  const ids = await create(TAKEN);
  const hold = (token: number) => ids.map((id) => ({ id, token, claimId: id }));
  expect(kinds(await rig.leases.claim(requestsFor(ids), LONG_MS))).toEqual(['run']);
  expect(new Set(await rig.leases.renew(hold(1), LONG_MS))).toEqual(new Set(['ok']));
  expect(kinds(await rig.leases.release(hold(1)))).toEqual(['queued']);
  const handedBack = await rig.leases.redeliver(requestsFor(ids, 2));
  expect(new Set(handedBack)).toEqual(new Set([3]));
  await rig.leases.claim(requestsFor(ids, 3), LONG_MS);
  const outcomes = hold(2).map((held) => Object.assign(held, { ok: true as const, result: {} }));
  expect(new Set(await rig.leases.commit(RUN, outcomes))).toEqual(new Set(['committed']));
  expect(await size('running')).toBe(0);
  await rig.leases.claim(requestsFor(await create(TAKEN)), 0);
  const { found } = await rig.sweep.reap({ offset: 0, limit: 2 * TAKEN });
  expect(found).toHaveLength(TAKEN);
});

it('finds thousands of orphans and lost entries, expires, lists and trims as many in one call each', async () => {
  const ids = await create(MANY);
  await rig.loseDeliveries();
  const window = { from: undefined, limit: 2 * MANY, minAgeMs: 0 };
  expect((await rig.sweep.orphans(QUEUE, rig.bee.jobs, window)).found).toHaveLength(MANY);
  await rig.redis.command(['HSET', rig.bee.jobs, ...ids.flatMap((id) => [`${id}.2`, '{}'])]);
  const lost = await rig.sweep.lost(rig.bee, MANY);
  expect([lost.dropped, lost.found.length]).toEqual([MANY, MANY]);
  await rig.redis.command(['LPUSH', rig.bee.waiting, ...ids]);
  const offset = { offset: 0, limit: MANY };
  expect(await rig.sweep.ghosts(rig.bee, 'waiting', offset)).toEqual({ lookedAt: MANY, removed: MANY });
  const filter = { owner: 'ann', states: [] };
  const listed: string[] = [];
  let page: Page<Job> | undefined;
  do {
    page = await listJobs(rig.records, filter, { limit: MANY, after: page?.next });
    listed.push(...page.found.map(({ id }) => id));
  } while (page.next);
  expect(listed.toSorted()).toEqual(ids.toSorted());
  await rig.redis.command(['DEL', ...ids.map((id) => rig.records.key(`job:${id}`))]);
  const index = `index:owner:ann:${QUEUE}:queued`;
  expect((await rig.sweep.trim(index, window)).found).toBe(MANY);
  expect(await size(index)).toBe(0);
});

it('starts, finds again and cancels the chunks of a batch of thousands', async () => {
  const batches = new BatchStore(rig.records);
  const limits = { chunkRows: 1, timeoutMs: LONG_MS, maxAttempts: 2, resultTtlMs: LONG_MS };
  const batch = { id: uuidv7(), model: QUEUE, queue: QUEUE, owner: '', strict: true, ...limits };
  await batches.create(batch, MANY);
  const columns = Buffer.from('x');
  // A few at a time: behind thousands of calls on one connection its pings would wait for too long.
  for (let first = 0; first < MANY; first += 100) {
    await Promise.all(
      Array.from({ length: 100 }, (_, number) =>
        batches.add(batch.id, { number: first + number, rows: 1, columns, invalid: {} }),
      ),
    );
  }
  const started = await batches.complete(batch.id, 'f');
  expect(started).toHaveLength(MANY);
  // None of them was put into Bee-Queue: every window goes on where the one before ended, though all began at once.
  const found: string[] = [];
  let from: string | undefined;
  for (let windows = 0; windows < MANY / 499; windows += 1) {
    const window = await rig.sweep.orphans(QUEUE, rig.bee.jobs, { from, limit: 500, minAgeMs: -1_000 });
    const ids = window.found.map(({ jobId }) => jobId);
    await rig.redis.command(['HSET', rig.bee.jobs, ...ids.flatMap((id) => [`${id}.2`, '{}'])]);
    found.push(...ids);
    from = window.next;
  }
  expect(found).toEqual(started);
  const claims = requestsFor(found.slice(0, 10), 2);
  await rig.leases.claim(claims, LONG_MS);
  expect(await batches.cancel(batch.id, undefined)).toBe('canceling');
  expect(await size(`queued:${QUEUE}`)).toBe(0);
  expect(await size('running')).toBe(10);
});
