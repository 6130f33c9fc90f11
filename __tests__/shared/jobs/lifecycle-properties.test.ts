import { type Arbitrary, array, assert, asyncProperty, boolean, constantFrom, nat, record } from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { PRIORITIES } from '../../../shared/contract/states.js';
import { isEnded } from '../../../shared/jobs/job.js';
import type { ClaimedJob, Outcome } from '../../../shared/jobs/claimed-job.js';
import type { ClaimRequest } from '../../../shared/jobs/job-leases.js';
import type { RedisReply } from '../../../shared/redis/redis.js';
import { StatsStore } from '../../../shared/stats/stats-store.js';
import { type JobRig, newJob, openJobRig, QUEUE } from '../../support/rigs/job-rig.js';
import { useRedis } from '../../support/rigs/use-redis.js';

const JOBS = 8;
const LONG_MS = 60_000;
const RUN = { queue: QUEUE, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 1 };
const OWNERS = ['', 'ann', 'bob'];
const STATES = ['succeeded', 'failed', 'canceled', 'expired'];

const server = useRedis();
let rig: JobRig;

/** What one worker believes to hold, also long after it lost it, and the claims that it has sent. */
interface Worker {
  claimer: string;
  holds: ClaimedJob[];
  claims: { request: ClaimRequest; took: string[] }[];
}

/** One sequence of commands on a few jobs, and what has been seen of them. */
interface World {
  ids: string[];
  /** Jobs that were accepted. */
  created: Set<string>;
  workers: Worker[];
  seen: Redis;
  /** The last record of each job that there was. */
  texts: Map<string, string>;
}

/** All of a queue that Redis has. */
interface Redis {
  records: Map<string, string>;
  lanes: Map<string, number>[];
  delayed: Map<string, number>;
  running: Map<string, number>;
  deadlines: Map<string, number>;
  ends: Map<string, number>;
  holds: Map<string, string>;
  wishes: Map<string, string>;
  waiting: Map<string, string>;
  counts: Map<string, string>;
  clocks: Map<string, number>[];
  /** The lists that each job stands in. */
  lists: Map<string, string[]>;
}

const strings = (reply: RedisReply | undefined): string[] => (Array.isArray(reply) ? reply.map(String) : []);
const pairs = (reply: RedisReply | undefined): Map<string, string> => {
  const flat = strings(reply);
  return new Map(flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? '']] : [])));
};
const scores = (reply: RedisReply | undefined): Map<string, number> =>
  new Map([...pairs(reply)].map(([member, score]) => [member, Number(score)]));

async function readRedis(ids: readonly string[]): Promise<Redis> {
  const key = (name: string): string => rig.records.key(name);
  const zset = (name: string): string[] => ['ZRANGE', key(name), '0', '-1', 'WITHSCORES'];
  const indexes = ['open', ...STATES].flatMap((what) => OWNERS.map((owner) => `${what}:${owner || '='}`));
  const all = await rig.redis.transaction([
    ['MGET', ...ids.map((id) => key(`job:${id}`))],
    ...PRIORITIES.map((lane) => zset(`queued:${QUEUE}:${lane}`)),
    ...PRIORITIES.map((lane) => zset(`clock:${QUEUE}:${lane}`)),
    ...[`delayed:${QUEUE}`, 'running', 'deadlines', 'ends'].map(zset),
    ...['holds', 'wishes', `waiting:${QUEUE}`, 'counts'].map((name) => ['HGETALL', key(name)]),
    ...indexes.map((name) => ['ZRANGE', key(`index:${name}:${QUEUE}`), '0', '-1']),
  ]);
  const [texts, ...rest] = all;
  const records = new Map<string, string>();
  ids.forEach((id, index) => {
    const text = Array.isArray(texts) ? texts[index] : undefined;
    if (typeof text === 'string') records.set(id, text);
  });
  const lists = new Map<string, string[]>();
  indexes.forEach((name, index) => {
    for (const id of strings(rest[14 + index])) lists.set(id, [...(lists.get(id) ?? []), name]);
  });
  const [delayed, running, deadlines, ends] = rest.slice(6, 10).map(scores);
  const [holds, wishes, waiting, counts] = rest.slice(10, 14).map(pairs);
  if (!delayed || !running || !deadlines || !ends || !holds || !wishes || !waiting || !counts) {
    throw new Error('too few replies');
  }
  const lanes = rest.slice(0, 3).map(scores);
  const clocks = rest.slice(3, 6).map(scores);
  return { records, lanes, clocks, delayed, running, deadlines, ends, holds, wishes, waiting, counts, lists };
}

type Step = { what: keyof typeof STEPS; job: number; worker: number; pick: number; long: boolean };

/** A member of a list by an arbitrary number; undefined of an empty one. */
const at = <T>(list: readonly T[], pick: number): T | undefined => list[pick % Math.max(list.length, 1)];

const holdOf = (redis: Redis, id: string) => {
  const [token, claim, , attempts, virtual, marks] = redis.holds.get(id)?.split(' ') ?? [];
  return { by: `${token} ${claim}`, token: Number(token), attempts: Number(attempts ?? 0), virtual, marks };
};
const isHeldBy = (redis: Redis, { id, hold }: ClaimedJob): boolean =>
  redis.running.has(id) && holdOf(redis, id).by === hold;
const laneOf = (redis: Redis, id: string): number => redis.lanes.findIndex((lane) => lane.has(id));
const waits = (redis: Redis, id: string): boolean => redis.delayed.has(id) || laneOf(redis, id) >= 0;
const linesOf = (redis: Redis, id: string): string[] => redis.records.get(id)?.split('\n') ?? [];
const makeOver = (set: string, id: string) =>
  rig.redis.command(['ZADD', rig.records.key(set), 'XX', '1', id]);

/** What is taken is what stood first, each once, in one more attempt; a marked job is taken alone. */
async function checkTaken(world: World, request: ClaimRequest, jobs: readonly ClaimedJob[]): Promise<void> {
  const [before, after] = [world.seen, await readRedis(world.ids)];
  expect(jobs.length).toBeLessThanOrEqual(request.most);
  expect(new Set(jobs.map(({ hold }) => hold)).size).toBeLessThanOrEqual(1);
  for (const { id, attempts } of jobs) {
    expect([waits(before, id), attempts]).toEqual([true, holdOf(before, id).attempts + 1]);
    if (holdOf(before, id).marks?.includes('a')) expect([jobs.length, request.isBeside]).toEqual([1, false]);
  }
  const isLone = jobs.length === 1 && !request.isBeside;
  for (const { id } of jobs) expect(holdOf(after, id).marks?.includes('l')).toBe(isLone);
  const last = jobs.at(-1);
  const lane = after.lanes.findIndex((set) => set.size > 0);
  const [next] = after.lanes[lane] ?? [];
  if (!last || !next) return;
  // Strings of one length compare as their numbers.
  const place = (index: number, virtual: number): string => `${index} ${virtual.toFixed(4)}`;
  const taken = place(PRIORITIES.indexOf(last.record.priority), Number(holdOf(after, last.id).virtual));
  expect([taken, place(lane, next[1])].toSorted()[0]).toBe(taken);
}

/** A write counts just when its token and claim are those of the holder. */
async function write<T>(
  world: World,
  hold: ClaimedJob,
  act: () => Promise<T[]>,
  refusal: string,
): Promise<void> {
  const isHeld = isHeldBy(world.seen, hold);
  const [reply] = await act();
  expect([reply === refusal, reply]).toEqual([!isHeld, reply]);
}

/** What can happen, to any job, from any worker, at any time: also what is late, repeated or sent by who lost the job. */
const STEPS = {
  async create(world: World, { job, pick, long }: Step) {
    const id = world.ids[job] ?? '';
    if (world.created.has(id)) return;
    const key = { caller: 'ann', key: `k${pick % 2}`, fingerprint: long ? 'f' : 'g' };
    const wish = newJob({
      id,
      owner: OWNERS[pick % 3] ?? '',
      priority: PRIORITIES[job % 3],
      weight: 1 + (pick % 2),
      maxAttempts: 1 + (pick % 3),
      requestId: job % 2 === 0 ? 'r' : undefined,
      delayMs: pick % 4 === 0 ? LONG_MS : 0,
      expiresInMs: pick % 5 === 0 ? Number(long) * 1_000 : undefined,
      idempotency: pick > 8 ? key : undefined,
    });
    const { kind } = await rig.intake.create(wish, 1_000);
    if (kind === 'created') world.created.add(id);
    else expect([kind, wish.idempotency]).toEqual([expect.stringMatching(/replayed|mismatch/), key]);
  },
  async claim(world: World, { worker, pick, long }: Step) {
    const me = world.workers[worker];
    if (!me) return;
    const more = { most: 1 + (pick % 4), isBeside: pick > 8 };
    const request = { queue: QUEUE, claimer: me.claimer, number: me.claims.length + 1, ...more };
    const { jobs } = await rig.leases.claim(request, long ? LONG_MS : 0);
    await checkTaken(world, request, jobs);
    me.claims.push({ request, took: jobs.map(({ id }) => id) });
    // The other answers get lost.
    if (pick % 3 > 0) me.holds.push(...jobs);
  },
  async repeatClaim(world: World, { worker, pick, long }: Step) {
    const me = world.workers[worker];
    const claim = me && (pick < 8 ? me.claims.at(-1) : at(me.claims, pick));
    if (!me || !claim) return;
    const { jobs } = await rig.leases.claim(claim.request, long ? LONG_MS : 0);
    const isLast = claim.request.number === me.claims.length;
    const hold = `${me.claimer}:${claim.request.number}`;
    const still = claim.took.filter(
      (id) => isLast && !world.seen.wishes.has(id) && holdOf(world.seen, id).by.endsWith(` ${hold}`),
    );
    expect(jobs.map(({ id }) => id)).toEqual(still);
    me.holds.push(...jobs);
  },
  async renew(world: World, { worker, pick, long }: Step) {
    const hold = at(world.workers[worker]?.holds ?? [], pick);
    if (hold) await write(world, hold, () => rig.leases.renew([hold], long ? LONG_MS : 0), 'lost');
  },
  async commit(world: World, { worker, pick, long }: Step) {
    const job = at(world.workers[worker]?.holds ?? [], pick);
    if (!job) return;
    const outcome: Outcome = long
      ? { job, verdict: { ok: true, result: { hold: job.hold } } }
      : { job, verdict: { ok: false, code: 'model_error', message: job.hold } };
    const [reply] = await rig.leases.commit(RUN, [outcome]);
    const [, line = ''] = linesOf(world.seen, job.id);
    const [state, , , , token, claim, version] = line.split(' ');
    const isWritten =
      `${state} ${token} ${claim} ${version}` === `${long ? 'succeeded' : 'failed'} ${job.hold} 1`;
    if (isHeldBy(world.seen, job)) {
      expect(reply).toBe(world.seen.wishes.has(job.id) ? 'canceled' : 'committed');
    } else if (world.seen.records.has(job.id)) expect(reply).toBe(isWritten ? 'committed' : 'stale');
    else expect(reply).toBe('gone');
  },
  async retry(world: World, { worker, pick, long }: Step) {
    const job = at(world.workers[worker]?.holds ?? [], pick);
    if (!job) return;
    const failed = { job, delayMs: long ? LONG_MS : 0, code: 'timeout', message: '' } as const;
    await write(world, job, () => rig.leases.retry([failed]), 'stale');
  },
  async release(world: World, { worker, pick, long }: Step) {
    const job = at(world.workers[worker]?.holds ?? [], pick);
    if (job) await write(world, job, () => rig.leases.release([job], long ? 'release' : 'alone'), 'stale');
  },
  async cancel(world: World, { job }: Step) {
    const id = world.ids[job] ?? '';
    const reply = await rig.store.cancel(id, undefined);
    const lines = linesOf(world.seen, id).length;
    const word = waits(world.seen, id) ? 'canceled' : 'canceling';
    expect(reply).toBe(['gone', word, 'ended'][lines]);
  },
  async loseLeases(world: World, { job, long }: Step) {
    if (long) await makeOver('running', world.ids[job] ?? '');
    await rig.sweep.reap(10);
  },
  async expire(world: World, { job, long }: Step) {
    if (long) await makeOver('deadlines', world.ids[job] ?? '');
    await rig.sweep.expire(10);
  },
  async fallDue(world: World, { job, long }: Step) {
    await makeOver(`delayed:${QUEUE}`, world.ids[job] ?? '');
    if (long) await rig.sweep.due(QUEUE, 10);
  },
  async forget(world: World, { job }: Step) {
    await makeOver('ends', world.ids[job] ?? '');
    await rig.sweep.forget(10);
  },
};

const STEP: Arbitrary<Step> = record({
  // Weights: what moves a job on comes more often than what tidies up.
  what: constantFrom(
    ...(Object.keys(STEPS) as Step['what'][]),
    ...(['create', 'create', 'create', 'claim', 'claim', 'claim', 'repeatClaim', 'commit'] as const),
  ),
  job: nat(JOBS - 1),
  worker: nat(1),
  pick: nat(11),
  long: boolean(),
});

/** Where one job stands follows from its record: in one place until it has ended, and then in none. */
function checkJob(world: World, redis: Redis, id: string): void {
  const [line, end, ...others] = linesOf(redis, id);
  const lane = laneOf(redis, id);
  const places = [redis.delayed, redis.running, ...redis.lanes].filter((place) => place.has(id));
  const sets = { deadlines: redis.deadlines.has(id), hold: redis.holds.has(id), ends: redis.ends.has(id) };
  const hold = holdOf(redis, id);
  expect(others).toEqual([]);
  expect(places).toHaveLength(line !== undefined && end === undefined ? 1 : 0);
  if (line === undefined || end !== undefined) {
    expect(sets).toEqual({ deadlines: false, hold: false, ends: end !== undefined });
    expect(redis.wishes.has(id)).toBe(false);
    const list = line === undefined ? [] : [`${end?.split(' ')[0]}:${line.split(' ')[2]}`];
    expect(redis.lists.get(id) ?? []).toEqual(list);
    return;
  }
  const fields = line.split(' ');
  expect(redis.lists.get(id)).toEqual([`open:${fields[2]}`]);
  const isRunning = redis.running.has(id);
  expect(redis.deadlines.has(id)).toBe(!isRunning);
  if (!isRunning) expect(redis.wishes.has(id)).toBe(false);
  if (lane >= 0) expect(fields[7]).toBe(['high', '=', 'low'][lane]);
  // What comes back stands where it stood, and is claimed by itself for as long as it is there.
  if (lane >= 0 && redis.holds.has(id)) expect(redis.lanes[lane]?.get(id)).toBe(Number(hold.virtual));
  if (holdOf(world.seen, id).marks?.includes('a')) expect(hold.marks).toContain('a');
  if (redis.holds.has(id) || isRunning) expect(hold.by === '= =').toBe(!isRunning);
  const most = Number(fields[10]);
  expect(hold.attempts).toBeGreaterThanOrEqual(isRunning ? 1 : 0);
  expect(hold.attempts).toBeLessThanOrEqual(isRunning ? most : most - 1);
}

/** Who waits is counted by caller, and has a clock that is ahead of his jobs; of nobody else there is any. */
function checkOrder(world: World, redis: Redis): void {
  const waiting: Record<string, string> = {};
  for (const [id, text] of redis.records) {
    const owner = text.split(' ')[2] ?? '';
    if (owner !== '=' && waits(redis, id)) waiting[owner] = String(Number(waiting[owner] ?? 0) + 1);
  }
  expect(Object.fromEntries(redis.waiting)).toEqual(waiting);
  redis.clocks.forEach((clocks, lane) => {
    expect(clocks.get('=') ?? 0).toBeGreaterThanOrEqual(world.seen.clocks[lane]?.get('=') ?? 0);
    for (const owner of clocks.keys()) expect(['=', ...Object.keys(waiting)]).toContain(owner);
    for (const [id, virtual] of redis.lanes[lane] ?? []) {
      const owner = redis.records.get(id)?.split(' ')[2] ?? '';
      if (owner !== '=' && clocks.has(owner)) expect(virtual).toBeLessThan(clocks.get(owner) ?? 0);
    }
  });
}

async function check(world: World): Promise<void> {
  const [redis, depths] = await Promise.all([
    readRedis(world.ids),
    new StatsStore(rig.records).depths([QUEUE]),
  ]);
  for (const id of world.ids) checkJob(world, redis, id);
  expect(new Set([...redis.records.keys(), ...world.texts.keys()])).toEqual(world.created);
  for (const [id, text] of redis.records) {
    const before = world.texts.get(id);
    // Line 1 never changes, and nothing does once line 2 is there.
    if (before !== undefined && before !== text) expect([text.split('\n')[0], text]).toEqual([before, text]);
    if (before !== undefined) expect(world.seen.records.has(id)).toBe(true);
    world.texts.set(id, text);
  }
  checkOrder(world, redis);
  const counts: Record<string, string> = {};
  const add = (what: string): void => {
    counts[`${QUEUE}:${what}`] = String(Number(counts[`${QUEUE}:${what}`] ?? 0) + 1);
  };
  for (const text of world.texts.values()) {
    add('submitted');
    const end = text.split('\n')[1];
    if (end !== undefined) add(end.split(' ')[0] ?? '');
  }
  expect(Object.fromEntries(redis.counts)).toEqual(counts);
  // Of one queue it is worked out from the counts, of all it is read from the set.
  expect(depths.queues[0]?.running).toBe(depths.running);
  world.seen = redis;
}

/** Lets every job that has not ended run to its end, as workers and the sweeper would, and forgets all. */
async function finishAll(world: World): Promise<void> {
  for (let round = 0; round < 30; round += 1) {
    for (const id of world.ids) {
      await Promise.all([makeOver('running', id), makeOver(`delayed:${QUEUE}`, id)]);
    }
    await rig.sweep.reap(JOBS);
    const jobs = await rig.claim(JOBS);
    if (jobs.length === 0) break;
    const outcomes = jobs.map((job) => ({ job, verdict: { ok: true as const, result: {} } }));
    await rig.leases.commit(RUN, outcomes);
  }
  await check(world);
  for (const text of world.seen.records.values()) expect(text).toContain('\n');
  for (const id of world.ids) await makeOver('ends', id);
  await rig.sweep.forget(JOBS);
  await check(world);
  expect(world.seen.records.size).toBe(0);
  const stays = /^(bq:|calls$|claim:|clock:|counts$|done:|minute:|owners$|token$)/;
  for (const key of strings(await rig.redis.command(['KEYS', rig.records.key('*')]))) {
    const name = key.slice(rig.records.key('').length);
    if (stays.test(name)) continue;
    // A key that was named goes by itself, as late as its job might have.
    expect(name).toMatch(/^key:ann:/);
    expect(await rig.redis.command(['PTTL', key])).toBeGreaterThan(0);
  }
}

async function run(steps: readonly Step[]): Promise<void> {
  rig = await openJobRig(server);
  const ids = Array.from({ length: JOBS }, () => uuidv7());
  const world: World = {
    ids,
    created: new Set(),
    workers: Array.from({ length: 2 }, () => ({ claimer: uuidv7(), holds: [], claims: [] })),
    seen: await readRedis(ids),
    texts: new Map(),
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

it('has a job stand in one place until it ends, and nowhere then, in whatever order everything comes', async () => {
  const sequences = array(STEP, { minLength: 20, maxLength: 60, size: 'max' });
  const checked = assert(asyncProperty(sequences, run), {
    seed: 20_261_125,
    numRuns: 40,
    // On a busy machine fewer sequences do, and a failure is told with the shortest found by then.
    interruptAfterTimeLimit: 60_000,
  });
  await expect(checked).resolves.toBeUndefined();
});

it('writes one outcome when many workers, cancels and sweeps meet at the same moment', async () => {
  rig = await openJobRig(server);
  for (let round = 0; round < 30; round += 1) {
    const id = await rig.submit({ maxAttempts: 3 });
    const holders = await rig.claim(1, 0);
    await rig.sweep.reap(10);
    holders.push(...(await rig.claim(1, 0)));
    expect(holders.map((job) => job.id)).toEqual([id, id]);
    const outcomes = holders.map((job) =>
      rig.leases.commit(RUN, [{ job, verdict: { ok: true, result: { hold: job.hold } } }]),
    );
    await Promise.all([
      ...outcomes,
      rig.store.cancel(id, undefined),
      rig.sweep.reap(10),
      ...holders.map((job) => rig.leases.retry([{ job, delayMs: 0, code: 'timeout', message: '' }])),
    ]);
    const written = (await Promise.all(outcomes)).flat().filter((reply) => reply === 'committed');
    const job = await rig.store.find(id);
    expect(written).toHaveLength(job?.state === 'succeeded' ? 1 : 0);
    expect(job && isEnded(job.state)).toBe(true);
  }
  await rig.close();
});
