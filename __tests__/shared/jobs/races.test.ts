import { type Claim, JobLeases } from '../../../shared/jobs/job-leases.js';
import { JobStore, type NewJob } from '../../../shared/jobs/job-store.js';
import { isEnded } from '../../../shared/jobs/job.js';
import { RecordScripts } from '../../../shared/records/records.js';
import { SweepStore } from '../../../shared/jobs/sweep-store.js';
import { newJob, QUEUE, useJobRig } from '../../support/rigs/job-rig.js';

const ROUNDS = 100;
const CONNECTIONS = 6;
const RUN = { queue: QUEUE, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 1 };
const WINDOW = { offset: 0, limit: 10 };

/** A process of its own, as Redis sees it. */
interface Process {
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
      return { store: new JobStore(records), leases: new JobLeases(records), sweep: new SweepStore(records) };
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
const count = (words: readonly unknown[], word: string): number =>
  words.filter((each) => each === word).length;

async function create(changes: Partial<NewJob> = {}): Promise<string> {
  const job = newJob(changes);
  await rig.store.create(job, ROUNDS);
  return job.id;
}

const claim = (by: Process, jobId: string, claimId: string): Promise<Claim[]> =>
  by.leases.claim([{ jobId, delivery: 1, claimId }], 60_000);

/** Runs the acts at the same time, in an order that changes with the round. */
function atOnce<T>(round: number, acts: readonly (() => Promise<T>)[]): Promise<T[]> {
  const shift = round % acts.length;
  return Promise.all([...acts.slice(shift), ...acts.slice(0, shift)].map((act) => act()));
}

it('gives a job to one of many workers that claim it at once', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const id = await create();
    const claims = await Promise.all(processes.map((each, index) => claim(each, id, `w${index}`)));
    const kinds = claims.flat().map(({ kind }) => kind);
    expect([count(kinds, 'run'), count(kinds, 'busy')]).toEqual([1, CONNECTIONS - 1]);
  }
});

it('cancels a job or runs it when cancel and claim meet, and has it end once either way', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const id = await create();
    const words = await atOnce(round, [
      () => of(round).store.cancel(id, undefined),
      () => of(round + 1).store.cancel(id, undefined),
      async () => (await claim(of(round + 2), id, 'w'))[0]?.kind,
    ]);
    const outcome = { id, token: 1, claimId: 'w', ok: true as const, result: {} };
    const [committed] = await of(round).leases.commit(RUN, [outcome]);
    // A cancel that came first has ended the job; one that came second is heard by its worker.
    expect([
      ['canceled', 'ended', 'ended', 'stale'],
      ['canceled', 'canceling', 'canceling', 'run'],
    ]).toContainEqual(sorted([...words, committed]));
    const { state } = (await rig.store.find(id)) ?? {};
    expect(state).toBe('canceled');
  }
  const counts = await rig.redis.command(['HGET', rig.records.key('counts'), `${QUEUE}:canceled`]);
  expect(counts).toBe(String(ROUNDS));
});

it('lets the earlier of cancel and commit win, and writes one outcome', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const id = await create();
    await claim(of(round), id, 'w');
    const commit = (by: Process) => async () =>
      (await by.leases.commit(RUN, [{ id, token: 1, claimId: 'w', ok: true, result: {} }]))[0];
    const words = await atOnce(round, [
      () => of(round).store.cancel(id, undefined),
      commit(of(round + 1)),
      // Sent twice, as when the first answer got lost.
      commit(of(round + 2)),
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
    // Its deadline passes while the others are on their way to Redis, or before, or after.
    const id = await create({ expiresInMs: round % 3 });
    const [kinds] = await Promise.all([
      Promise.all(processes.map(async (each, index) => (await claim(each, id, `w${index}`))[0]?.kind)),
      ...processes.map((each) => each.sweep.expire(WINDOW)),
    ]);
    const { state } = (await rig.store.find(id)) ?? {};
    expect(['running', 'expired']).toContain(state);
    expect(count(kinds, 'run')).toBe(state === 'running' ? 1 : 0);
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
    await of(round).leases.claim([{ jobId: id, delivery: 1, claimId: 'w' }], 0);
    const [commits, ...reaped] = await Promise.all([
      of(round).leases.commit(RUN, [{ id, token: 1, claimId: 'w', ok: true, result: {} }]),
      ...processes.map(async (each) => (await each.sweep.reap(WINDOW)).found),
    ]);
    const job = await rig.store.find(id);
    expect(reaped.flat()).toHaveLength(commits[0] === 'committed' ? 0 : 1);
    expect(job && isEnded(job.state)).toBe(commits[0] === 'committed');
  }
});

it('makes one job of a key that comes over many connections, also when its delivery got lost', async () => {
  const idempotency = { caller: 'ann', key: 'k', fingerprint: 'f' };
  const submit = (by: Process) => by.store.create(newJob({ idempotency }), 9);
  const created = await Promise.all([...processes, ...processes].map(submit));
  expect(created.filter(({ kind }) => kind === 'created')).toHaveLength(1);
  // The sweepers of all processes find at once that nothing would hand it out.
  await rig.loseDeliveries();
  const found = await Promise.all(
    processes.map((each) =>
      each.sweep.orphans(QUEUE, rig.bee.jobs, { from: undefined, limit: 10, minAgeMs: 0 }),
    ),
  );
  const deliveries = found.flatMap((window) => window.found);
  await Promise.all(deliveries.map((delivery) => rig.producers.enqueue(QUEUE, delivery)));
  const again = await Promise.all(processes.map(submit));
  expect(new Set(again.map(({ kind }) => kind))).toEqual(new Set(['replayed']));
  // Found by several it has several deliveries, of which the record takes the last alone.
  const claims = deliveries.map((delivery, index) => ({ ...delivery, claimId: `w${index}` }));
  const kinds = (await rig.leases.claim(claims, 60_000)).map(({ kind }) => kind);
  expect([count(kinds, 'run'), count(kinds, 'busy')]).toEqual([1, deliveries.length - 1]);
});
