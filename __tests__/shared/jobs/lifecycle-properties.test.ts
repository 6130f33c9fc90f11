import { type Arbitrary, array, assert, asyncProperty, boolean, constantFrom, nat, record } from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import type { ClaimedJob, ClaimRequest, Outcome } from '../../../shared/jobs/job-leases.js';
import { JOB_STATES, type JobState } from '../../../shared/contract/states.js';
import { isEnded, type Job, NEXT_STATES } from '../../../shared/jobs/job.js';
import { StatsStore } from '../../../shared/stats/stats-store.js';
import { type JobRig, newJob, openJobRig, QUEUE } from '../../support/rigs/job-rig.js';
import { useRedis } from '../../support/rigs/use-redis.js';

const JOBS = 4;
const WORKERS = 3;
const LONG_MS = 60_000;
const RUN = { queue: QUEUE, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 1 };

const server = useRedis();
let rig: JobRig;

/** What one worker believes to hold, also long after it lost it, and the claims that it has sent. */
interface Worker {
  name: string;
  holds: ClaimedJob[];
  claims: ClaimRequest[];
}

/** One sequence of commands on a few jobs, and what has been seen of them. */
interface World {
  ids: string[];
  workers: Worker[];
  /** Every delivery that was handed to Bee-Queue. */
  deliveries: { jobId: string; delivery: number }[];
  seen: Map<string, Job>;
  tokens: Map<string, number>;
  submitted: number;
}

type Step = { what: keyof typeof STEPS; job: number; worker: number; pick: number; long: boolean };

/** A member of a list by an arbitrary number; undefined of an empty one. */
const at = <T>(list: readonly T[], pick: number): T | undefined => list[pick % Math.max(list.length, 1)];

/** What the record says of who holds the job. */
async function holderOf(id: string) {
  const fields = ['status', 'token', 'delivery', 'claim'];
  const reply = await rig.redis.command(['HMGET', rig.records.key(`job:${id}`), ...fields]);
  const [status, token, delivery, claimId] = Array.isArray(reply) ? reply : [];
  const isHeld = status === 'running' || status === 'canceling';
  return { status, isHeld, token: Number(token), delivery: Number(delivery), claimId };
}

/** Only the delivery that a record names is taken; a claim that holds the job is answered again, in no new attempt. */
async function claim(worker: Worker, request: ClaimRequest, leaseMs: number): Promise<void> {
  const before = await holderOf(request.jobId);
  const [taken] = await rig.leases.claim([request], leaseMs);
  if (before.status === 'running' && before.claimId === request.claimId) {
    expect(taken).toMatchObject({ kind: 'run', job: { token: before.token } });
  } else if (taken?.kind === 'run') {
    expect([before.delivery, before.token]).toEqual([request.delivery, taken.job.token - 1]);
  }
  if (taken?.kind === 'run') worker.holds.push(taken.job);
}

/** A write counts just when its token and claim are those of the holder. */
async function write<T>(hold: ClaimedJob, act: () => Promise<T>, isStale: (reply: T) => boolean): Promise<T> {
  const before = await holderOf(hold.id);
  const reply = await act();
  expect(isStale(reply)).toBe(
    !(before.isHeld && before.token === hold.token && before.claimId === hold.claimId),
  );
  return reply;
}

const isWritten = (job: Job | undefined, outcome: Outcome): boolean =>
  outcome.ok
    ? job?.state === 'succeeded' && job.result['token'] === outcome.token
    : job?.state === 'failed' && job.failure.code === outcome.code && job.failure.message === outcome.message;

function enqueued(world: World, jobId: string, delivery: number | undefined): void {
  if (delivery !== undefined) world.deliveries.push({ jobId, delivery });
}

/** What can happen, to any job, from any worker, at any time: also what is late, repeated or sent by who lost the job. */
const STEPS = {
  async create(world: World, { job, pick }: Step) {
    const id = world.ids[job] ?? '';
    if (world.seen.has(id)) return;
    const deadline = pick % 3 === 0 ? { expiresInMs: pick % 2 === 0 ? 0 : LONG_MS } : {};
    const owner = pick % 2 === 0 ? 'ann' : '';
    await rig.store.create(newJob({ id, owner, maxAttempts: 1 + (pick % 3), ...deadline }), 1_000);
    world.submitted += 1;
    enqueued(world, id, 1);
  },
  async claim(world: World, { worker, pick, long }: Step) {
    const [me, delivery] = [world.workers[worker], at(world.deliveries, pick)];
    if (!me || !delivery) return;
    const request = { ...delivery, claimId: `${me.name}:${me.claims.length}` };
    me.claims.push(request);
    await claim(me, request, long ? LONG_MS : 0);
  },
  async repeatClaim(world: World, { worker, pick, long }: Step) {
    const me = world.workers[worker];
    const request = me && at(me.claims, pick);
    if (me && request) await claim(me, request, long ? LONG_MS : 0);
  },
  async renew(world: World, { worker, pick, long }: Step) {
    const hold = at(world.workers[worker]?.holds ?? [], pick);
    if (!hold) return;
    const renew = () => rig.leases.renew([hold], long ? LONG_MS : 0);
    await write(hold, renew, ([reply]) => reply === 'lost');
  },
  async commit(world: World, { worker, pick, long }: Step) {
    const hold = at(world.workers[worker]?.holds ?? [], pick);
    if (!hold) return;
    const outcome: Outcome = long
      ? { ...hold, ok: true, result: { by: `${worker}`, token: hold.token } }
      : { ...hold, ok: false, code: 'model_error', message: `${hold.token}` };
    const commit = () => rig.leases.commit(RUN, [outcome]);
    // Also one that was written before is answered so.
    if (isWritten(await rig.store.find(hold.id), outcome)) expect(await commit()).toEqual(['committed']);
    else await write(hold, commit, ([reply]) => reply === 'stale' || reply === 'gone');
  },
  async retry(world: World, { worker, pick }: Step) {
    const hold = at(world.workers[worker]?.holds ?? [], pick);
    if (!hold) return;
    const retry = () => rig.leases.retry([{ ...hold, code: 'timeout', message: '' }]);
    const [reply] = await write(hold, retry, ([answer]) => answer?.kind === 'stale');
    if (reply?.kind === 'queued') enqueued(world, hold.id, reply.delivery);
  },
  async release(world: World, { worker, pick }: Step) {
    const hold = at(world.workers[worker]?.holds ?? [], pick);
    if (!hold) return;
    const release = () => rig.leases.release([hold]);
    const [reply] = await write(hold, release, ([answer]) => answer?.kind === 'stale');
    if (reply?.kind === 'queued') enqueued(world, hold.id, reply.delivery);
  },
  async handBack(world: World, { worker, pick }: Step) {
    const request = at(world.workers[worker]?.claims ?? [], pick);
    if (!request) return;
    const before = await holderOf(request.jobId);
    const [delivery] = await rig.leases.redeliver([request]);
    if (delivery !== undefined && before.isHeld) expect(before.claimId).toBe(request.claimId);
    enqueued(world, request.jobId, delivery);
  },
  async cancel(world: World, { job }: Step) {
    await rig.store.cancel(world.ids[job] ?? '', undefined);
  },
  async reap(world: World) {
    for (const { jobId, delivery } of (await rig.sweep.reap({ offset: 0, limit: 10 })).found) {
      enqueued(world, jobId, delivery);
    }
  },
  async expire() {
    await rig.sweep.expire({ offset: 0, limit: 10 });
  },
  async orphans(world: World) {
    const window = { from: undefined, limit: 10, minAgeMs: 0 };
    const { found } = await rig.sweep.orphans(QUEUE, rig.bee.jobs, window);
    for (const { jobId, delivery } of found) enqueued(world, jobId, delivery);
  },
};

const STEP: Arbitrary<Step> = record({
  // Weights: what moves a job on comes more often than what tidies up.
  what: constantFrom(
    ...(Object.keys(STEPS) as Step['what'][]),
    ...(['create', 'create', 'claim', 'claim', 'claim', 'repeatClaim', 'commit'] as const),
  ),
  job: nat(JOBS - 1),
  worker: nat(WORKERS - 1),
  pick: nat(11),
  long: boolean(),
});

const members = async (name: string): Promise<string[]> => {
  const reply = await rig.redis.command(['ZRANGE', rig.records.key(name), '0', '-1']);
  return (Array.isArray(reply) ? reply : []).map(String).toSorted();
};

/** Whether a step of a few transitions at most leads from one state to the other. */
function leadsTo(from: JobState, to: JobState, depth = 3): boolean {
  if (from === to) return true;
  return depth > 0 && NEXT_STATES[from].some((next) => leadsTo(next, to, depth - 1));
}

/** Of one job: what it is now follows from what it was, and nothing of an outcome ever changes. */
function checkJob(world: World, job: Job, { token, ttlMs }: { token: number; ttlMs: number }): void {
  const before = world.seen.get(job.id);
  if (before && isEnded(before.state)) expect(job).toEqual(before);
  if (before) expect([before.state, job.state, leadsTo(before.state, job.state)]).toContain(true);
  expect(job.attempts).toBeGreaterThanOrEqual(job.state === 'running' ? 1 : 0);
  expect(job.attempts).toBeLessThanOrEqual(job.state === 'queued' ? job.maxAttempts - 1 : job.maxAttempts);
  expect(token).toBeGreaterThanOrEqual(world.tokens.get(job.id) ?? 0);
  if (job.state === 'succeeded') expect(job.result['token']).toBe(token);
  expect(ttlMs >= 0).toBe(isEnded(job.state));
  world.tokens.set(job.id, token);
  world.seen.set(job.id, job);
}

async function readJob(id: string) {
  const key = rig.records.key(`job:${id}`);
  const [job, token, ttlMs] = await Promise.all([
    rig.store.find(id),
    rig.redis.command(['HGET', key, 'token']),
    rig.redis.command(['PTTL', key]),
  ]);
  return { id, job, token: Number(token), ttlMs: Number(ttlMs) };
}

/** The indexes as they are, and as the records want them. */
async function indexes(jobs: readonly Job[]) {
  const idsWhere = (matches: (job: Job) => boolean): string[] =>
    jobs.flatMap((job) => (matches(job) ? [job.id] : [])).toSorted();
  const wanted: Record<string, string[]> = {
    [`queued:${QUEUE}`]: idsWhere((job) => job.state === 'queued'),
    running: idsWhere((job) => job.state === 'running' || job.state === 'canceling'),
  };
  for (const state of JOB_STATES) {
    if (state !== 'queued') wanted[`index:all:${QUEUE}:${state}`] = idsWhere((job) => job.state === state);
    wanted[`index:owner:ann:${QUEUE}:${state}`] = idsWhere(
      (job) => job.state === state && job.owner === 'ann',
    );
  }
  const names = Object.keys(wanted);
  const found = await Promise.all(names.map(members));
  return { wanted, found: Object.fromEntries(names.map((name, index) => [name, found[index]])) };
}

async function counts(): Promise<Record<string, number>> {
  const flat = await rig.redis.command(['HGETALL', rig.records.key('counts')]);
  const texts = (Array.isArray(flat) ? flat : []).map(String);
  return Object.fromEntries(
    texts.flatMap((name, index) =>
      index % 2 === 0 ? [[name.replace(`${QUEUE}:`, ''), Number(texts[index + 1])]] : [],
    ),
  );
}

async function check(world: World): Promise<void> {
  const read = await Promise.all(world.ids.map(readJob));
  const jobs: Job[] = [];
  for (const { id, job, ...more } of read) {
    if (job) {
      checkJob(world, job, more);
      jobs.push(job);
    } else expect(world.seen.has(id)).toBe(false);
  }
  const [{ wanted, found }, deadlines, counted, depths] = await Promise.all([
    indexes(jobs),
    members('deadlines'),
    counts(),
    new StatsStore(rig.records).depths([QUEUE]),
  ]);
  expect(found).toEqual(wanted);
  // Of one queue it is worked out from the counts, of all it is read from the list.
  expect(depths.queues[0]?.running).toBe(depths.running);
  // Of a job whose attempts have begun an entry may be left for the sweeper to drop; no other job may lack one.
  for (const job of jobs) {
    if (job.state === 'queued' && job.queueDeadlineMs !== undefined && job.attempts === 0) {
      expect(deadlines).toContain(job.id);
    }
  }
  const expected: Record<string, number> = world.submitted > 0 ? { submitted: world.submitted } : {};
  for (const { state } of jobs) if (isEnded(state)) expected[state] = (expected[state] ?? 0) + 1;
  expect(counted).toEqual(expected);
}

/** Lets every job that has not ended run to its end, as workers and the sweeper would. */
async function finishAll(world: World): Promise<void> {
  for (let round = 0; round < 8; round += 1) {
    // The leases that are left run out.
    const running = await members('running');
    for (const id of running) {
      await rig.redis.command(['ZADD', rig.records.key('running'), 'XX', '1', id]);
    }
    await rig.sweep.reap({ offset: 0, limit: 10 });
    await rig.sweep.expire({ offset: 0, limit: 10 });
    const waiting = await members(`queued:${QUEUE}`);
    if (waiting.length + running.length === 0) break;
    for (const claimed of await rig.claim(waiting, LONG_MS)) {
      if (claimed.kind !== 'run') continue;
      await rig.leases.commit(RUN, [{ ...claimed.job, ok: true, result: { token: claimed.job.token } }]);
    }
  }
  await check(world);
  for (const job of world.seen.values()) expect(isEnded(job.state)).toBe(true);
  expect(await members('deadlines')).toEqual([]);
}

async function run(steps: readonly Step[]): Promise<void> {
  rig = await openJobRig(server);
  const world: World = {
    ids: Array.from({ length: JOBS }, () => uuidv7()),
    workers: Array.from({ length: WORKERS }, (_, index) => ({ name: `w${index}`, holds: [], claims: [] })),
    deliveries: [],
    seen: new Map(),
    tokens: new Map(),
    submitted: 0,
  };
  try {
    for (const step of steps) {
      await STEPS[step.what](world, step);
      await check(world);
    }
    await finishAll(world);
  } finally {
    await rig.close();
  }
}

it('keeps every promise in whatever order claims, commits, retries, cancels and sweeps come', async () => {
  const sequences = array(STEP, { minLength: 20, maxLength: 60, size: 'max' });
  const checked = assert(asyncProperty(sequences, run), { seed: 20_261_125, numRuns: 30 });
  await expect(checked).resolves.toBeUndefined();
});

it('writes one outcome when many workers, cancels and sweeps meet at the same moment', async () => {
  rig = await openJobRig(server);
  for (let round = 0; round < 30; round += 1) {
    const id = await rig.submit({ maxAttempts: 2 });
    const holders = [...(await rig.claim([id], 0)), ...(await rig.claim([id], 0))].flatMap((taken) =>
      taken.kind === 'run' ? [taken.job] : [],
    );
    expect(holders).toHaveLength(2);
    const outcomes = holders.map((job) =>
      rig.leases.commit(RUN, [{ ...job, ok: true, result: { token: job.token } }]),
    );
    await Promise.all([
      ...outcomes,
      rig.store.cancel(id, undefined),
      rig.sweep.reap({ offset: 0, limit: 10 }),
      ...holders.map((job) => rig.leases.retry([{ ...job, code: 'timeout', message: '' }])),
    ]);
    const written = (await Promise.all(outcomes)).flat().filter((reply) => reply === 'committed');
    const job = await rig.store.find(id);
    expect(written).toHaveLength(job?.state === 'succeeded' ? 1 : 0);
    expect(job && isEnded(job.state)).toBe(true);
  }
  await rig.close();
});
