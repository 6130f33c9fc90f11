import { v7 as uuidv7 } from 'uuid';
import { BatchStore } from '../../../shared/batches/batch-store.js';
import type { Job } from '../../../shared/jobs/job.js';
import type { ClaimedJob } from '../../../shared/jobs/claimed-job.js';
import { listJobs, type Page } from '../../../shared/jobs/job-list.js';
import { newJob, QUEUE, useJobRig } from '../../support/rigs/job-rig.js';

/** More than Lua can unpack, which is where scripts over many ids break. */
const MANY = 8_100;
/** Twice the largest MAX_BATCH. */
const TAKEN = 2_048;
const LONG_MS = 60_000;
const RUN = { queue: QUEUE, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: TAKEN };

const rig = useJobRig();

async function create(count: number, changes = {}): Promise<string[]> {
  const ids = Array.from({ length: count }, () => uuidv7());
  // Each may have as many as there is room left.
  await Promise.all(
    ids.map((id) => rig.intake.create(newJob({ id, owner: 'ann', ...changes }), 2 * MANY + 1)),
  );
  return ids;
}

const size = (name: string) => rig.redis.command(['ZCARD', rig.records.key(name)]);
const idsOf = (jobs: readonly ClaimedJob[]): string[] => jobs.map(({ id }) => id);

it('claims, renews, gives back, ends and reaps thousands of jobs in one call each', async () => {
  const ids = await create(TAKEN);
  const first = await rig.claim(TAKEN, LONG_MS);
  expect(idsOf(first)).toEqual(ids);
  expect(new Set(await rig.leases.renew(first, LONG_MS))).toEqual(new Set(['ok']));
  expect(new Set(await rig.leases.release(first))).toEqual(new Set(['queued']));
  const again = await rig.claim(TAKEN, LONG_MS);
  expect(idsOf(again)).toEqual(ids);
  const outcomes = again.map((job) => ({ job, verdict: { ok: true as const, result: {} } }));
  expect(new Set(await rig.leases.commit(RUN, outcomes))).toEqual(new Set(['committed']));
  expect(await size('running')).toBe(0);
  await create(TAKEN);
  await rig.claim(TAKEN, 0);
  expect(await rig.sweep.reap(2 * TAKEN)).toHaveLength(TAKEN);
});

it('lets thousands fall due, expires, lists and forgets as many in one call each', async () => {
  const ids = await create(MANY, { delayMs: LONG_MS, resultTtlMs: 1 });
  const delayed = rig.records.key(`delayed:${QUEUE}`);
  await rig.redis.command(['ZADD', delayed, 'XX', ...ids.flatMap((id) => ['1', id])]);
  expect(await rig.sweep.due(QUEUE, MANY)).toBe(MANY);
  expect(await size(`queued:${QUEUE}:normal`)).toBe(MANY);
  const filter = { owner: 'ann', states: [] };
  const listed: string[] = [];
  let page: Page<Job> | undefined;
  do {
    const wish = { limit: MANY, after: page?.next };
    page = await listJobs({ records: rig.records, jobs: rig.store }, filter, wish);
    listed.push(...page.found.map(({ id }) => id));
  } while (page.next);
  expect(listed.toSorted()).toEqual(ids.toSorted());
  await rig.redis.command(['ZADD', rig.records.key('deadlines'), 'XX', ...ids.flatMap((id) => ['1', id])]);
  expect(await rig.sweep.expire(MANY)).toHaveLength(MANY);
  expect([await size('ends'), await size(`index:expired:ann:${QUEUE}`)]).toEqual([MANY, MANY]);
  expect(await rig.sweep.forget(MANY)).toBe(MANY);
  expect(await size(`index:expired:ann:${QUEUE}`)).toBe(0);
});

it('starts and cancels the chunks of a batch of thousands', async () => {
  const batches = new BatchStore(rig.records);
  const queue = `${QUEUE}.chunks`;
  const limits = {
    chunkRows: 1,
    timeoutMs: LONG_MS,
    maxAttempts: 2,
    resultTtlMs: LONG_MS,
    queueTtlMs: LONG_MS,
  };
  const batch = { id: uuidv7(), model: QUEUE, queue, owner: 'ann', strict: true, ...limits };
  await batches.create(batch, 2 * MANY + 1);
  const columns = Buffer.from('x');
  // A few at a time: behind thousands of calls on one connection its pings would wait for too long.
  for (let first = 0; first < MANY; first += 100) {
    await Promise.all(
      Array.from({ length: 100 }, (_, number) =>
        batches.add(batch.id, { number: first + number, rows: 1, columns, invalid: {} }),
      ),
    );
  }
  expect(await batches.complete(batch.id, 'f')).toBe(true);
  expect(await size(`queued:${queue}:normal`)).toBe(MANY);
  const running = await rig.claim(10, LONG_MS, { queue });
  expect(idsOf(running)).toEqual(Array.from({ length: 10 }, (_, number) => `${batch.id}:${number}`));
  expect(await batches.cancel(batch.id, undefined)).toBe('canceling');
  expect(await size(`queued:${queue}:normal`)).toBe(0);
  expect(await size('running')).toBe(10);
  expect(new Set(await rig.leases.release(running))).toEqual(new Set(['canceled']));
});
