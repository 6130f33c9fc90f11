import { Sweeper } from '../../api/sweeper.js';
import { listJobs } from '../../shared/jobs/job-list.js';
import { newJob, QUEUE, useJobRig } from '../support/rigs/job-rig.js';
import { keepingLog } from '../support/keeping-log.js';

const rig = useJobRig();
let sweeper: Sweeper;
let log: ReturnType<typeof keepingLog>;
beforeEach(() => {
  log = keepingLog();
  sweeper = new Sweeper({ sweep: rig.sweep, models: () => [], log });
});

/** What was said of a job, and how it ended if that was said. */
const saidOf = (id: string): unknown[] =>
  log.lines.flatMap(({ level, message, fields }) =>
    fields?.['job_id'] === id ? [[level, message, fields['outcome'] ?? fields['code']]] : [],
  );

const calls = () => rig.redis.command(['LLEN', rig.records.key(`bq:${QUEUE}:waiting`)]);
/** Moves entries of a set to times that are over. */
const makeDue = (set: string, ids: readonly string[]) =>
  rig.redis.command(['ZADD', rig.records.key(set), 'XX', ...ids.flatMap((id) => ['1', id])]);

it('has a worker called where jobs wait and no call does', async () => {
  await rig.submit();
  await rig.loseCalls();
  for (let pass = 0; pass < 2; pass += 1) {
    await sweeper.pass();
    expect(await calls()).toBe(1);
  }
});

it('calls nobody where none waits', async () => {
  await rig.store.cancel(await rig.submit(), undefined);
  await rig.loseCalls();
  await sweeper.pass();
  expect(await calls()).toBe(0);
});

it('queues a job again whose worker lost its lease, and fails it when its attempts are used up', async () => {
  const id = await rig.submit({ maxAttempts: 2 });
  await rig.claim(1, 0);
  await rig.loseCalls();
  expect((await sweeper.pass()).reaped).toBe(1);
  expect((await rig.store.find(id))?.state).toBe('queued');
  expect(await calls()).toBe(1);
  await rig.claim(1, 0);
  expect((await sweeper.pass()).reaped).toBe(1);
  expect(await rig.store.find(id)).toMatchObject({ state: 'failed', failure: { code: 'worker_lost' } });
  expect(saidOf(id)).toEqual([
    ['debug', 'job put back, its worker is lost', undefined],
    ['warn', 'job failed', 'worker_lost'],
  ]);
});

it('ends a job that was canceled under a worker that is lost', async () => {
  const id = await rig.submit();
  await rig.claim(1, 0);
  await rig.store.cancel(id, undefined);
  await sweeper.pass();
  expect((await rig.store.find(id))?.state).toBe('canceled');
  expect(saidOf(id)).toEqual([['debug', 'job canceled, its worker is lost', 'canceled']]);
});

it('ends what is too late in the queue', async () => {
  const ids = [await rig.submit({ expiresInMs: 0 }), await rig.submit({ queueTtlMs: 0 })];
  expect((await sweeper.pass()).expired).toBe(2);
  for (const id of ids) {
    expect((await rig.store.find(id))?.state).toBe('expired');
    expect(saidOf(id)).toEqual([['debug', 'job expired in the queue', 'expired']]);
  }
});

it('lets a delayed job wait in its lane when it is due, and has a worker called', async () => {
  const id = await rig.submit({ delayMs: 60_000 });
  await rig.loseCalls();
  expect((await sweeper.pass()).due).toBe(0);
  expect(await rig.store.find(id)).toMatchObject({ waitingBefore: undefined });
  await makeDue(`delayed:${QUEUE}`, [id]);
  expect((await sweeper.pass()).due).toBe(1);
  expect(await rig.store.find(id)).toMatchObject({ waitingBefore: 0, startsMs: undefined });
  expect(await calls()).toBe(1);
});

it('forgets a job whose time is over, and its entries in all lists', async () => {
  const changes = { owner: 'ann', requestId: 'r', resultTtlMs: 1 };
  const [gone, kept] = [await rig.submit(changes), await rig.submit({ ...changes, resultTtlMs: 60_000 })];
  for (const id of [gone, kept]) await rig.store.cancel(id, undefined);
  await makeDue('ends', [gone]);
  expect((await sweeper.pass()).forgotten).toBe(1);
  expect(await rig.redis.command(['EXISTS', rig.records.key(`job:${gone}`)])).toBe(0);
  const index = rig.records.key(`index:canceled:ann:${QUEUE}`);
  expect(await rig.redis.command(['ZRANGE', index, '0', '-1'])).toEqual([kept]);
  expect(await rig.redis.command(['ZCARD', rig.records.key('requests')])).toBe(1);
  const filter = { owner: 'ann', states: [], requestId: 'r' };
  const { found } = await listJobs({ records: rig.records, jobs: rig.store }, filter, { limit: 9 });
  expect(found.map(({ id }) => id)).toEqual([kept]);
});

it('deals with more than one window of everything in one pass, so that nothing can pile up', async () => {
  const MANY = 1_300;
  const many = async (changes = {}): Promise<string[]> => {
    const jobs = Array.from({ length: MANY }, () => newJob(changes));
    await Promise.all(jobs.map((job) => rig.intake.create(job, 10 * MANY)));
    return jobs.map(({ id }) => id);
  };
  await many();
  await rig.claim(MANY, 0);
  const delayed = await many({ delayMs: 60_000, expiresInMs: 60_000 });
  await makeDue(`delayed:${QUEUE}`, delayed);
  await many({ expiresInMs: 0 });
  expect(await sweeper.pass()).toMatchObject({ reaped: MANY, due: MANY, expired: MANY, forgotten: 0 });
  await makeDue('deadlines', delayed);
  expect((await sweeper.pass()).expired).toBe(MANY);
  await makeDue('ends', delayed);
  expect((await sweeper.pass()).forgotten).toBe(MANY);
});

it('lets one process lead, and another after it gave up', async () => {
  expect(await rig.sweep.lead('a', 5_000)).toBe(true);
  expect(await rig.sweep.lead('b', 5_000)).toBe(false);
  expect(await rig.sweep.lead('a', 5_000)).toBe(true);
  await rig.sweep.lead('a', 0);
  expect(await rig.sweep.lead('b', 5_000)).toBe(true);
});
