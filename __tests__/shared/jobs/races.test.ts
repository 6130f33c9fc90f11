import type { ClaimedJob } from '../../../shared/jobs/claimed-job.js';
import { JobLeases } from '../../../shared/jobs/job-leases.js';
import { type NewJob } from '../../../shared/jobs/new-job.js';
import { JobIntake } from '../../../shared/jobs/job-intake.js';
import { JobStore } from '../../../shared/jobs/job-store.js';
import { isEnded } from '../../../shared/jobs/job.js';
import { RecordScripts } from '../../../shared/records/records.js';
import { SweepStore } from '../../../shared/jobs/sweep-store.js';
import { newClaim, newJob, QUEUE, useJobRig } from '../../support/rigs/job-rig.js';

const ROUNDS = 100;
const CONNECTIONS = 6;
const RUN = { queue: QUEUE, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 1 };

/** A process of its own, as Redis sees it. */
interface Process {
  intake: JobIntake;
  store: JobStore;
  leases: JobLeases;
  sweep: SweepStore;
}

const rig = useJobRig();
let processes: Process[];
beforeEach(async () => {
  processes = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const records = new RecordScripts(await rig.server.connect(), rig.keyPrefix);
      return {
        intake: new JobIntake(records),
        store: new JobStore(records),
        leases: new JobLeases(records),
        sweep: new SweepStore(records),
      };
    }),
  );
});

const of = (round: number): Process => {
  const process = processes[round % CONNECTIONS];
  if (!process) throw new Error('no such process');
  return process;
};
/** In one order, to be compared. */
const sorted = (words: readonly unknown[]): string[] => words.map(String).toSorted();

async function create(changes: Partial<NewJob> = {}): Promise<string> {
  const job = newJob(changes);
  await rig.intake.create(job, ROUNDS);
  return job.id;
}

const claim = async (by: Process, leaseMs = 60_000): Promise<ClaimedJob[]> =>
  (await by.leases.claim(newClaim(), leaseMs)).jobs;
const commit = async (by: Process, job: ClaimedJob | undefined): Promise<string | undefined> =>
  job && (await by.leases.commit(RUN, [{ job, verdict: { ok: true, result: {} } }]))[0];

/** Runs the acts at the same time, in an order that changes with the round. */
function atOnce<T>(round: number, acts: readonly (() => Promise<T>)[]): Promise<T[]> {
  const shift = round % acts.length;
  return Promise.all([...acts.slice(shift), ...acts.slice(0, shift)].map((act) => act()));
}

it('gives a job to one of many workers that claim at once', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const id = await create();
    const claims = await Promise.all(processes.map((each) => claim(each)));
    expect(claims.flat().map((job) => job.id)).toEqual([id]);
  }
});

it('cancels a job or runs it when cancel and claim meet, and has it end once either way', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const id = await create();
    let held: ClaimedJob | undefined;
    const words = await atOnce(round, [
      () => of(round).store.cancel(id, undefined),
      () => of(round + 1).store.cancel(id, undefined),
      async () => {
        [held] = await claim(of(round + 2));
        return held ? 'run' : 'nothing';
      },
    ]);
    const committed = await commit(of(round), held);
    // A cancel that came first has ended the job; one that came second is heard by its worker.
    expect([
      ['canceled', 'ended', 'nothing', 'undefined'],
      ['canceled', 'canceling', 'canceling', 'run'],
    ]).toContainEqual(sorted([...words, committed]));
    expect((await rig.store.find(id))?.state).toBe('canceled');
  }
  const counts = await rig.redis.command(['HGET', rig.records.key('counts'), `${QUEUE}:canceled`]);
  expect(counts).toBe(String(ROUNDS));
});

it('lets the earlier of cancel and commit win, and writes one outcome', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const id = await create();
    const [job] = await claim(of(round));
    const words = await atOnce(round, [
      () => of(round).store.cancel(id, undefined),
      () => commit(of(round + 1), job),
      // Sent twice, as when the first answer got lost.
      () => commit(of(round + 2), job),
    ]);
    const { state } = (await rig.store.find(id)) ?? {};
    expect([
      ['committed', 'committed', 'ended', 'succeeded'],
      ['canceled', 'canceled', 'canceling', 'stale'],
    ]).toContainEqual(sorted([...words, state]));
  }
});

it('expires a job in the queue or runs it when its deadline and a claim meet', async () => {
  let [ran, expired] = [0, 0];
  for (let round = 0; round < ROUNDS; round += 1) {
    // Its deadline passes before the others are on their way to Redis, or meanwhile, or after.
    const id = await create({ expiresInMs: [0, 1, 10_000][round % 3] });
    const [claims] = await Promise.all([
      Promise.all(processes.map((each) => claim(each))),
      ...processes.map((each) => each.sweep.expire(10)),
    ]);
    const { state } = (await rig.store.find(id)) ?? {};
    expect(['running', 'expired']).toContain(state);
    expect(claims.flat().map((job) => job.id)).toEqual(state === 'running' ? [id] : []);
    if (state === 'running') ran += 1;
    else expired += 1;
  }
  // Both happened: else nothing met.
  expect(Math.min(ran, expired)).toBeGreaterThan(0);
  const counts = await rig.redis.command(['HGET', rig.records.key('counts'), `${QUEUE}:expired`]);
  expect(counts).toBe(String(expired));
});

it('reaps a lost lease once however many sweep, and refuses the worker that was lost', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const id = await create({ maxAttempts: 2 });
    const [lost] = await claim(of(round), 0);
    const [committed, ...reaped] = await Promise.all([
      commit(of(round), lost),
      ...processes.map((each) => each.sweep.reap(10)),
    ]);
    const job = await rig.store.find(id);
    expect(reaped.flat()).toHaveLength(committed === 'committed' ? 0 : 1);
    expect(job && isEnded(job.state)).toBe(committed === 'committed');
    if (job?.state === 'queued') await rig.store.cancel(id, undefined);
  }
});

it('makes one job of a key that comes over many connections', async () => {
  const idempotency = { caller: 'ann', key: 'k', fingerprint: 'f' };
  const submit = (by: Process) => by.intake.create(newJob({ idempotency }), 9);
  const created = await Promise.all([...processes, ...processes].map(submit));
  expect(created.filter(({ kind }) => kind === 'created')).toHaveLength(1);
  const again = await Promise.all(processes.map(submit));
  expect(new Set(again.map(({ kind }) => kind))).toEqual(new Set(['replayed']));
  expect((await Promise.all(processes.map((each) => claim(each)))).flat()).toHaveLength(1);
});

it('lets a delayed job wait in its lane once though several find it due at once', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const id = await create({ delayMs: 60_000, owner: 'ann' });
    await rig.redis.command(['ZADD', rig.records.key(`delayed:${QUEUE}`), 'XX', '1', id]);
    const [claims] = await Promise.all([
      Promise.all(processes.map((each) => claim(each))),
      ...processes.map((each) => each.sweep.due(QUEUE, 10)),
    ]);
    expect(claims.flat().map((job) => job.id)).toEqual([id]);
    expect(await rig.redis.command(['HGETALL', rig.records.key(`waiting:${QUEUE}`)])).toEqual([]);
  }
});
