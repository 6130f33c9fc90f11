import { type Cursor, type JobFilter, listJobs } from '../../../shared/jobs/job-list.js';
import { newJob, QUEUE, useJobRig } from '../../support/rigs/job-rig.js';

const rig = useJobRig();

const ANY: JobFilter = { owner: undefined, states: [] };

/** Follows the cursors to the end. */
async function pages(filter: JobFilter, limit: number): Promise<string[][]> {
  const all: string[][] = [];
  let after: Cursor | undefined;
  for (let page = 0; page < 50; page += 1) {
    const { found, next } = await listJobs({ records: rig.records, jobs: rig.store }, filter, {
      limit,
      after,
    });
    all.push(found.map((job) => job.id));
    if (!next) return all;
    after = next;
  }
  throw new Error('the cursors never end');
}

/** One job in each state, oldest first. */
async function oneOfEach() {
  const ids = {
    succeeded: await rig.submit(),
    failed: await rig.submit(),
    canceled: await rig.submit(),
    running: await rig.submit(),
    canceling: await rig.submit(),
    queued: await rig.submit(),
    expired: await rig.submit({ expiresInMs: 0 }),
  };
  const [good, bad] = await rig.claim(2);
  if (!good || !bad) throw new Error('not claimed');
  const run = { queue: QUEUE, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 1 };
  await rig.leases.commit(run, [
    { job: good, verdict: { ok: true, result: {} } },
    { job: bad, verdict: { ok: false, code: 'model_error', message: 'no' } },
  ]);
  await rig.store.cancel(ids.canceled, undefined);
  await rig.claimIds([ids.running, ids.canceling]);
  await rig.store.cancel(ids.canceling, undefined);
  await rig.sweep.expire(10);
  return ids;
}

it('lists newest first and pages to the end, each job once', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 7; i += 1) ids.unshift(await rig.submit());
  const paged = await pages(ANY, 3);
  expect(paged.flat()).toEqual(ids);
  expect(paged.map((page) => page.length)).toEqual([3, 3, 1]);
});

it('finds the jobs of every single state, and of several at once in one order', async () => {
  const ids = await oneOfEach();
  for (const state of Object.keys(ids) as (keyof typeof ids)[]) {
    const id = ids[state];
    const filter: JobFilter = { ...ANY, states: [state] };
    expect((await pages(filter, 10)).flat()).toEqual([id]);
  }
  const mixed: JobFilter = { ...ANY, states: ['queued', 'running', 'failed', 'canceled'] };
  const expected = [ids.queued, ids.running, ids.canceled, ids.failed];
  expect((await pages(mixed, 10)).flat()).toEqual(expected);
  expect((await pages(mixed, 1)).flat()).toEqual(expected);
});

it('filters by owner, model and request id', async () => {
  const mine = await rig.submit({ owner: 'ann', requestId: 'r' });
  await rig.submit({ owner: 'bob', requestId: 'r' });
  const other = await rig.submit({ owner: 'ann', model: 'other' });
  expect((await pages({ ...ANY, owner: 'ann' }, 10)).flat()).toEqual([other, mine]);
  expect((await pages({ ...ANY, owner: 'ann', requestId: 'r' }, 10)).flat()).toEqual([mine]);
  expect((await pages({ ...ANY, model: 'other' }, 10)).flat()).toEqual([other]);
  expect((await pages({ ...ANY, requestId: 'nobody' }, 10)).flat()).toEqual([]);
});

it('needs one page for what is older than many jobs that do not match', async () => {
  const wanted = await rig.submit({ model: 'rare' });
  const depth = 2_100;
  await Promise.all(Array.from({ length: depth }, () => rig.intake.create(newJob(), 10_000)));
  expect(await pages({ ...ANY, model: 'rare' }, 5)).toEqual([[wanted]]);
});
