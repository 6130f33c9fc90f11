import { setImmediate as nextTurn } from 'node:timers/promises';
import { RedisUnavailableError } from '../../../shared/errors.js';
import type { Job } from '../../../shared/jobs/job.js';
import type { ClaimedJob } from '../../../shared/jobs/claimed-job.js';
import { openRedisSubscriber } from '../../../shared/redis/redis.js';
import { newClaim, newJob, QUEUE, useJobRig } from '../../support/rigs/job-rig.js';

const rig = useJobRig();

const RUN = { queue: QUEUE, modelVersion: '1.0.0', prepareMs: 0.1, predictMs: 0.9, batchSize: 1 };
const TOO_SLOW = { delayMs: 0, code: 'timeout', message: 'too slow' } as const;

/** Claims this one alone, which has to be the first that waits. */
async function claimOne(id: string, leaseMs = 15_000): Promise<ClaimedJob> {
  const [job] = await rig.claim(1, leaseMs);
  if (job?.id !== id) throw new Error(`claimed ${job?.id}`);
  return job;
}

const stateOf = async (id: string): Promise<string | undefined> => (await rig.store.find(id))?.state;
const commit = (job: ClaimedJob, value: number) =>
  rig.leases.commit(RUN, [{ job, verdict: { ok: true, result: { duration: value } } }]);
const tokenOf = ({ hold }: ClaimedJob): number => Number.parseInt(hold, 10);
const sizeOf = (name: string) => rig.redis.command(['ZCARD', rig.records.key(name)]);
/** The lease is over at once, and the sweeper finds it. */
async function loseOne(id: string): Promise<ClaimedJob> {
  const job = await claimOne(id, 0);
  await rig.sweep.reap(10);
  return job;
}

describe('a job that goes well', () => {
  it('is queued, then running, then succeeded with its result, timings and expiry', async () => {
    const id = await rig.submit({ requestId: 'r-1' });
    expect(await rig.store.find(id)).toMatchObject({ state: 'queued', attempts: 0, requestId: 'r-1' });
    const job = await claimOne(id);
    expect(job).toMatchObject({ input: { x: 1 }, attempts: 1, record: { requestId: 'r-1' } });
    expect(job.record.timeoutMs).toBe(60_000);
    expect(tokenOf(job)).toBe(1);
    expect(await stateOf(id)).toBe('running');
    expect(await commit(job, 12.5)).toEqual(['committed']);
    const done = await rig.store.find(id);
    expect(done).toMatchObject({
      state: 'succeeded',
      inputJson: '{"x":1}',
      resultJson: '{"duration":12.5}',
      modelVersion: '1.0.0',
      timings: { prepareMs: 0.1, predictMs: 0.9, batchSize: 1 },
    });
    if (done?.state !== 'succeeded') throw new Error('not succeeded');
    expect(done.expiresMs - done.finishedMs).toBeCloseTo(60_000, 1);
    expect(await rig.redis.command(['PTTL', rig.records.key(`job:${id}`)])).toBeGreaterThan(60_000);
  });

  it('has no time to live before it ends', async () => {
    const id = await rig.submit();
    await claimOne(id);
    expect(await rig.redis.command(['PTTL', rig.records.key(`job:${id}`)])).toBe(-1);
  });

  it('wakes its waiters with one message a micro-batch', async () => {
    const ids = [await rig.submit(), await rig.submit()];
    const messages = await messagesOf('ended', async () => {
      const jobs = await rig.claim(2);
      const outcomes = jobs.map((job) => ({ job, verdict: { ok: true as const, result: {} } }));
      await rig.leases.commit({ ...RUN, batchSize: 2 }, outcomes);
    });
    expect(messages).toEqual([ids.join(',')]);
  });

  it('tells the process that accepted it, with its outcome unless that is long', async () => {
    const ids = [await rig.submit({ replyTo: 'api-1' }), await rig.submit({ replyTo: 'api-1' })];
    const [message = ''] = await messagesOf('ended:api-1', async () => {
      const verdicts = [{ y: 1 }, { y: 'x'.repeat(20_000) }].map((result) => ({ ok: true as const, result }));
      const jobs = await rig.claim(2);
      const outcomes = jobs.map((job, index) => ({
        job,
        verdict: verdicts[index] ?? { ok: true, result: {} },
      }));
      await rig.leases.commit({ ...RUN, batchSize: 2 }, outcomes);
    });
    const [short = '', long = ''] = message.split('\n');
    const text = String(await rig.redis.command(['GET', rig.records.key(`job:${ids[0]}`)]));
    expect(short).toBe(`${ids[0]} ${text.split('\n')[1]}`);
    expect(long).toBe(ids[1]);
  });

  it('stands nowhere but in the lists once it has ended', async () => {
    const id = await rig.submit({ expiresInMs: 60_000 });
    await commit(await claimOne(id), 1);
    const sets = [`queued:${QUEUE}:normal`, 'running', 'deadlines', `index:open:=:${QUEUE}`];
    expect(await Promise.all(sets.map(sizeOf))).toEqual([0, 0, 0, 0]);
    expect(await rig.redis.command(['EXISTS', rig.records.key('holds'), rig.records.key('wishes')])).toBe(0);
  });

  it('has a large input in a key of its own, which goes when it has succeeded and stays when it has not', async () => {
    const input = { x: 'x'.repeat(5_000) };
    const [good, bad] = [await rig.submit({ input }), await rig.submit({ input })];
    const inputOf = async (id: string) => rig.store.inputOf((await rig.store.find(id)) as Job);
    expect(await inputOf(good)).toBe(JSON.stringify(input));
    const jobs = await rig.claim(2);
    expect(jobs.map((job) => job.input)).toEqual([input, input]);
    const verdicts = [
      { ok: true, result: {} },
      { ok: false, code: 'model_error', message: 'no' },
    ] as const;
    const outcomes = jobs.map((job, index) => ({ job, verdict: verdicts[index] ?? verdicts[0] }));
    await rig.leases.commit(RUN, outcomes);
    expect(await rig.store.find(good)).toMatchObject({ state: 'succeeded' });
    expect(await inputOf(good)).toBeUndefined();
    expect(await rig.store.find(bad)).toMatchObject({ state: 'failed' });
    expect(await inputOf(bad)).toBe(JSON.stringify(input));
    const inputs = [good, bad].map((id) => rig.records.key(`in:${id}`));
    expect(await rig.redis.command(['EXISTS', ...inputs])).toBe(1);
    expect(await rig.redis.command(['PTTL', inputs[1] ?? ''])).toBeGreaterThan(60_000);
  });
});

describe('a claim', () => {
  it('takes the first that wait, as many as it may, and says whether there are more', async () => {
    const ids = [await rig.submit(), await rig.submit(), await rig.submit()];
    const some = await rig.leases.claim(newClaim({ most: 2 }), 15_000);
    expect([some.jobs.map(({ id }) => id), some.mayBeMore]).toEqual([ids.slice(0, 2), true]);
    const rest = await rig.leases.claim(newClaim(), 15_000);
    expect([rest.jobs.map(({ id }) => id), rest.mayBeMore]).toEqual([ids.slice(2), false]);
    expect(new Set(some.jobs.map(({ hold }) => hold)).size).toBe(1);
  });

  it('drops an id that has no record, or one that cannot be read, and says which', async () => {
    const id = await rig.submit();
    await rig.redis.command(['ZADD', rig.records.key(`queued:${QUEUE}:normal`), '1', 'ghost']);
    const { jobs, dropped } = await rig.leases.claim(newClaim(), 15_000);
    expect(jobs.map((job) => job.id)).toEqual([id]);
    expect(dropped).toEqual([{ id: 'ghost', reason: 'there is no record' }]);
    expect(await rig.redis.command(['ZRANGE', rig.records.key('running'), '0', '-1'])).toEqual([id]);
    expect(await rig.redis.command(['HKEYS', rig.records.key('holds')])).toEqual([id]);
  });

  it('takes a job again whose lease is over, with a higher fencing token', async () => {
    const id = await rig.submit();
    const first = await loseOne(id);
    const second = await claimOne(id);
    expect(tokenOf(second)).toBe(tokenOf(first) + 1);
    expect(second.attempts).toBe(2);
  });

  it('refuses the late commit of the worker that lost the job', async () => {
    const id = await rig.submit();
    const first = await loseOne(id);
    const second = await claimOne(id);
    expect(await commit(first, 1)).toEqual(['stale']);
    expect(await commit(second, 2)).toEqual(['committed']);
    expect(await commit(first, 3)).toEqual(['stale']);
    expect(await rig.store.find(id)).toMatchObject({ resultJson: '{"duration":2}' });
  });

  it('ends a job that was lost alone in every attempt as worker_lost', async () => {
    const id = await rig.submit({ maxAttempts: 2 });
    await loseOne(id);
    await loseOne(id);
    expect(await rig.store.find(id)).toMatchObject({
      state: 'failed',
      attempts: 2,
      failure: { code: 'worker_lost' },
    });
  });

  it('charges nobody for a worker that is lost with several jobs, and the one that is lost alone', async () => {
    const ids = [await rig.submit({ maxAttempts: 1 }), await rig.submit({ maxAttempts: 1 })];
    await rig.claim(2, 0);
    const queued = ids.map((jobId) => ({ jobId, queue: QUEUE, outcome: 'queued' }));
    expect(await rig.sweep.reap(10)).toEqual(queued);
    for (const id of ids) {
      expect(await rig.store.find(id)).toMatchObject({ state: 'queued', attempts: 0 });
      const [job, ...others] = await rig.claim(64, 0);
      expect([job?.id, others]).toEqual([id, []]);
      expect(await rig.sweep.reap(10)).toEqual([{ jobId: id, queue: QUEUE, outcome: 'worker_lost' }]);
    }
  });

  it('charges nobody for what was claimed ahead', async () => {
    const id = await rig.submit({ maxAttempts: 1 });
    await rig.claim(1, 0, { isBeside: true });
    expect(await rig.sweep.reap(10)).toEqual([{ jobId: id, queue: QUEUE, outcome: 'queued' }]);
    expect(await claimOne(id, 0)).toMatchObject({ attempts: 1 });
    expect(await rig.sweep.reap(10)).toEqual([{ jobId: id, queue: QUEUE, outcome: 'worker_lost' }]);
  });

  it('ends a job past its queue deadline as expired, without running it', async () => {
    const id = await rig.submit({ expiresInMs: 0 });
    expect(await rig.claim(64)).toEqual([]);
    expect(await rig.store.find(id)).toMatchObject({ state: 'expired', attempts: 0 });
  });
});

describe('a job that is marked to be claimed by itself', () => {
  /** The second of four. */
  async function withOneMarked(): Promise<string[]> {
    const ids = [await rig.submit(), await rig.submit(), await rig.submit(), await rig.submit()];
    const jobs = await rig.claim(2);
    await rig.leases.release(jobs.slice(1), 'alone');
    await rig.leases.release(jobs.slice(0, 1));
    return ids;
  }
  const idsOf = (jobs: readonly ClaimedJob[]): string[] => jobs.map(({ id }) => id);

  it('ends the claim that meets it, and is all that the next one takes', async () => {
    const ids = await withOneMarked();
    const first = await rig.leases.claim(newClaim(), 15_000);
    expect([idsOf(first.jobs), first.mayBeMore]).toEqual([ids.slice(0, 1), true]);
    expect(idsOf(await rig.claim(64))).toEqual(ids.slice(1, 2));
    expect(idsOf(await rig.claim(64))).toEqual(ids.slice(2));
  });

  it('is left by a claim that is sent while other jobs run', async () => {
    const ids = await withOneMarked();
    await rig.claim(1);
    const ahead = await rig.leases.claim(newClaim({ isBeside: true }), 15_000);
    expect([ahead.jobs, ahead.mayBeMore]).toEqual([[], true]);
    expect(idsOf(await rig.claim(64))).toEqual(ids.slice(1, 2));
  });
});

describe('a cancel', () => {
  it('ends a queued or delayed job at once', async () => {
    for (const delayMs of [0, 60_000]) {
      const id = await rig.submit({ delayMs });
      expect(await rig.store.cancel(id, undefined)).toBe('canceled');
      expect(await rig.claim(64)).toEqual([]);
      expect(await stateOf(id)).toBe('canceled');
    }
  });

  it('wins over a commit that comes later, whose outcome is dropped', async () => {
    const id = await rig.submit();
    const job = await claimOne(id);
    expect(await rig.store.cancel(id, undefined)).toBe('canceling');
    expect(await rig.leases.renew([job], 15_000)).toEqual(['canceling']);
    expect(await commit(job, 1)).toEqual(['canceled']);
    const ended = await rig.store.find(id);
    expect(ended?.state).toBe('canceled');
    expect(ended).toMatchObject({ resultJson: undefined });
  });

  it('takes nothing from the jobs that ran beside it, nor do lost ones and those that are gone', async () => {
    const owners = ['', 'ann', '', 'ann', ''];
    for (const owner of owners) await rig.submit({ owner });
    const jobs = await rig.claim(owners.length);
    const [canceled, lost, gone] = jobs.map(({ id }) => id);
    await rig.store.cancel(canceled ?? '', undefined);
    await rig.redis.command(['ZADD', rig.records.key('running'), '1', lost ?? '']);
    await rig.sweep.reap(10);
    await rig.redis.command(['DEL', rig.records.key(`job:${gone}`)]);
    const outcomes = jobs.map((job) => ({ job, verdict: { ok: true, result: { x: 1 } } as const }));
    const replies = ['canceled', 'stale', 'gone', 'committed', 'committed'];
    expect(await rig.leases.commit(RUN, outcomes)).toEqual(replies);
    // Repeated, it tells of canceled ones that they are another's to end by now.
    expect(await rig.leases.commit(RUN, outcomes)).toEqual(['stale', ...replies.slice(1)]);
    const states = ['canceled', 'queued', undefined, 'succeeded', 'succeeded'];
    expect(await Promise.all(jobs.map(({ id }) => stateOf(id)))).toEqual(states);
    expect(await Promise.all(['running', 'deadlines'].map(sizeOf))).toEqual([0, 1]);
    const counts = ['HMGET', rig.records.key('counts'), `${QUEUE}:succeeded`, `${QUEUE}:canceled`];
    expect(await rig.redis.command(counts)).toEqual(['2', '1']);
  });

  it('comes too late after a commit', async () => {
    const id = await rig.submit();
    await commit(await claimOne(id), 1);
    expect(await rig.store.cancel(id, undefined)).toBe('ended');
    expect(await stateOf(id)).toBe('succeeded');
  });

  it('turns a retry, a release and a reaped lease into canceled', async () => {
    const cancelHeld = async (leaseMs: number): Promise<ClaimedJob> => {
      const job = await claimOne(await rig.submit(), leaseMs);
      await rig.store.cancel(job.id, undefined);
      return job;
    };
    const [retried, released] = [await cancelHeld(15_000), await cancelHeld(15_000)];
    expect(await rig.leases.retry([{ job: retried, ...TOO_SLOW }])).toEqual(['canceled']);
    expect(await rig.leases.release([released])).toEqual(['canceled']);
    const reaped = await cancelHeld(0);
    expect(await rig.sweep.reap(10)).toEqual([{ jobId: reaped.id, queue: QUEUE, outcome: 'canceled' }]);
    const ids = [retried.id, released.id, reaped.id];
    expect(await Promise.all(ids.map(stateOf))).toEqual(Array(3).fill('canceled'));
  });

  it("does not reach another owner's job", async () => {
    const id = await rig.submit({ owner: 'ann' });
    expect(await rig.store.cancel(id, 'bob')).toBe('gone');
    expect(await rig.store.cancel(id, 'ann')).toBe('canceled');
  });
});

describe('giving a job back', () => {
  it('counts the attempt of a retry, which comes back after its pause', async () => {
    const id = await rig.submit();
    const job = await claimOne(id);
    expect(await rig.leases.retry([{ job, ...TOO_SLOW, delayMs: 60_000 }])).toEqual(['queued']);
    expect(await rig.store.find(id)).toMatchObject({
      state: 'queued',
      attempts: 1,
      startsMs: expect.anything(),
    });
    const early = await rig.leases.claim(newClaim(), 15_000);
    expect(early.jobs).toEqual([]);
    expect(early.nextDueMs).toBeGreaterThan(50_000);
    await rig.redis.command(['ZADD', rig.records.key(`delayed:${QUEUE}`), '1', id]);
    expect(await claimOne(id)).toMatchObject({ attempts: 2 });
  });

  it('fails a retried job that has no attempt left, with the reason of its last failure', async () => {
    const job = await claimOne(await rig.submit({ maxAttempts: 1 }));
    expect(await rig.leases.retry([{ job, ...TOO_SLOW }])).toEqual(['failed']);
    expect(await rig.store.find(job.id)).toMatchObject({
      failure: { code: 'timeout', message: 'too slow' },
    });
  });

  it('takes the attempt of a release back, and puts the job before those that wait', async () => {
    const id = await rig.submit({ maxAttempts: 1, expiresInMs: 30_000 });
    const job = await claimOne(id);
    await rig.submit();
    expect(await rig.leases.release([job])).toEqual(['queued']);
    const deadline = expect.any(Number) as number;
    expect(await rig.store.find(id)).toMatchObject({
      state: 'queued',
      attempts: 0,
      waitingBefore: 0,
      queueDeadlineMs: deadline,
    });
    expect((await claimOne(id)).attempts).toBe(1);
  });

  it('changes nothing for a worker whose token is over', async () => {
    const id = await rig.submit();
    const first = await loseOne(id);
    await claimOne(id);
    expect(await rig.leases.release([first])).toEqual(['stale']);
    expect(await rig.leases.retry([{ job: first, ...TOO_SLOW }])).toEqual(['stale']);
    expect(await rig.leases.renew([first], 15_000)).toEqual(['lost']);
  });
});

describe('create', () => {
  const idempotency = { caller: 'ann', key: 'k', fingerprint: 'f' };

  it('answers a repeated Idempotency-Key with the first job, whatever its state', async () => {
    const first = await rig.submit({ idempotency });
    const again = () => rig.intake.create(newJob({ idempotency }), 1_000);
    expect(await again()).toEqual({ kind: 'replayed', jobId: first });
    await commit(await claimOne(first), 1);
    expect(await again()).toEqual({ kind: 'replayed', jobId: first });
  });

  it('keeps any key no longer than its job, one like the mark of keys for many, too', async () => {
    const id = await rig.submit({ idempotency: { ...idempotency, key: '*' } });
    await commit(await claimOne(id), 1);
    const names = await rig.redis.command(['KEYS', rig.records.key('key:ann:*')]);
    expect(names).toEqual([rig.records.key('key:ann:%2A')]);
    expect(await rig.redis.command(['PTTL', rig.records.key('key:ann:%2A')])).toBeGreaterThan(0);
  });

  it('refuses the key with another body, and keeps callers apart', async () => {
    await rig.submit({ idempotency, owner: 'ann' });
    const other = { ...idempotency, fingerprint: 'g' };
    expect(await rig.intake.create(newJob({ idempotency: other, owner: 'ann' }), 9)).toEqual({
      kind: 'mismatch',
    });
    expect(
      (await rig.intake.create(newJob({ idempotency: { ...other, caller: 'bob' }, owner: 'bob' }), 9)).kind,
    ).toBe('created');
  });

  it('makes a new job when the first one of the key has expired', async () => {
    const first = await rig.submit({ idempotency });
    await rig.redis.command(['DEL', rig.records.key(`job:${first}`)]);
    expect((await rig.intake.create(newJob({ idempotency }), 9)).kind).toBe('created');
  });

  it('refuses a job when the queue is full, and leaves nothing of it', async () => {
    await rig.submit();
    const refused = newJob();
    expect(await rig.intake.create(refused, 1)).toEqual({ kind: 'full', depth: 1 });
    expect(await rig.store.find(refused.id)).toBeUndefined();
  });

  it('leaves each owner as many jobs in the queue as there is room left for all', async () => {
    const kinds: string[] = [];
    for (const owner of ['ann', 'ann', 'ann', 'bob', 'bob']) {
      const created = await rig.intake.create(newJob({ owner, delayMs: kinds.length % 2 }), 4);
      kinds.push(created.kind);
    }
    expect(kinds).toEqual(['created', 'created', 'share', 'created', 'share']);
  });

  it('keeps positions in the order of lanes and creation', async () => {
    const ids = [
      await rig.submit(),
      await rig.submit({ priority: 'low' }),
      await rig.submit(),
      await rig.submit({ priority: 'high' }),
    ];
    const places = async () =>
      (await rig.store.findAll(ids)).map((job) => job.state === 'queued' && job.waitingBefore);
    expect(await places()).toEqual([1, 3, 2, 0]);
    await claimOne(ids[3] ?? '');
    expect(await places()).toEqual([0, 2, 1, false]);
  });

  it('has a worker called, but by a few calls alone', async () => {
    const calls = () => rig.redis.command(['LLEN', rig.records.key(`bq:${QUEUE}:waiting`)]);
    const created: Promise<unknown>[] = [];
    for (let count = 0; count < 100; count += 1) {
      created.push(rig.submit({ owner: 'ann' }));
      await nextTurn();
    }
    await Promise.all(created);
    expect(await calls()).toBe(64);
    // The first that is written outright is to learn of them.
    await rig.submit();
    await rig.submit();
    expect(await calls()).toBe(65);
  });
});

it('is committed as a whole once a Redis without memory has some again', async () => {
  const job = await claimOne(await rig.submit());
  await rig.redis.command(['CONFIG', 'SET', 'maxmemory', '1']);
  await expect(commit(job, 1)).rejects.toThrow(RedisUnavailableError);
  await rig.redis.command(['CONFIG', 'SET', 'maxmemory', '0']);
  expect(await stateOf(job.id)).toBe('running');
  expect(await commit(job, 1)).toEqual(['committed']);
});

it('runs scripts again after SCRIPT FLUSH', async () => {
  const id = await rig.submit();
  await rig.redis.command(['SCRIPT', 'FLUSH']);
  expect(tokenOf(await claimOne(id))).toBe(1);
  await rig.redis.command(['SCRIPT', 'FLUSH']);
  expect(await rig.submit({ owner: 'ann' })).toHaveLength(36);
});

/** What is published on a channel meanwhile. */
async function messagesOf(channel: string, run: () => Promise<void>): Promise<string[]> {
  const subscriber = await openRedisSubscriber({ address: rig.server.address, onError: () => undefined });
  const messages: string[] = [];
  await subscriber.subscribe(rig.records.key(channel), (message) => messages.push(message));
  await run();
  await subscriber.subscribe(rig.records.key('flush'), () => undefined);
  await subscriber.close();
  return messages;
}

describe('jobs that are created at the same moment', () => {
  it('each get their own answer, by a script or outright', async () => {
    const idempotency = { caller: '', key: 'group', fingerprint: 'f' };
    const first = newJob({ idempotency });
    const plain = newJob();
    const late = newJob();
    const created = await Promise.all([
      rig.intake.create(first, 2),
      rig.intake.create(newJob({ idempotency }), 2),
      rig.intake.create(newJob({ idempotency: { ...idempotency, fingerprint: 'g' } }), 2),
      rig.intake.create(plain, 2),
      rig.intake.create(late, 2),
    ]);
    expect(created).toMatchObject([
      { kind: 'created', job: { waitingBefore: 0 } },
      { kind: 'replayed', jobId: first.id },
      { kind: 'mismatch' },
      { kind: 'created', job: { waitingBefore: 1 } },
      { kind: 'full', depth: 2 },
    ]);
    expect(await rig.store.find(late.id)).toBeUndefined();
    expect(await rig.redis.command(['HGET', rig.records.key('counts'), `${QUEUE}:submitted`])).toBe('2');
    // The depth is known now: these are written outright.
    const lanes = ['low', 'normal', 'high', 'normal'] as const;
    const more = await Promise.all(lanes.map((priority) => rig.intake.create(newJob({ priority }), 100)));
    const places = more.map((one) => one.kind === 'created' && one.job.waitingBefore);
    expect(places).toEqual([5, 3, 0, 4]);
    const ids = more.flatMap((one) => (one.kind === 'created' ? [one.job] : []));
    expect(await rig.store.findAll(ids.map(({ id }) => id))).toEqual(ids);
  });

  it('count in the share of their owner, and leave room for another', async () => {
    const jobs = [...Array.from({ length: 6 }, () => 'ann'), 'bob'].map((owner) => newJob({ owner }));
    const created = await Promise.all(jobs.map((job) => rig.intake.create(job, 6)));
    const share = { kind: 'share', waiting: 3 };
    const made = { kind: 'created' };
    expect(created).toMatchObject([made, made, made, share, share, share, made]);
  });

  it('are looked at by one script however many of them have one key', async () => {
    const twins = Array.from({ length: 20 }, () =>
      newJob({ owner: 'ann', idempotency: { caller: 'ann', key: 'twins', fingerprint: 'f' } }),
    );
    const all = [...twins, newJob({ owner: 'bob' })];
    await rig.submit({ owner: 'eve' });
    await rig.redis.command(['CONFIG', 'RESETSTAT']);
    const created = await Promise.all(all.map((job) => rig.intake.create(job, 1_000)));
    expect(created.map(({ kind }) => kind)).toEqual([
      'created',
      ...twins.slice(1).map(() => 'replayed'),
      'created',
    ]);
    const stats = String(await rig.redis.command(['INFO', 'commandstats']));
    expect(/^cmdstat_evalsha:calls=(\d+)/m.exec(stats)?.[1]).toBe('1');
  });

  it('leave the same in Redis whether a script wrote them or they were written outright', async () => {
    const changes = { requestId: 'r', input: { x: 'x'.repeat(5_000) }, expiresInMs: 60_000 };
    const written = async (): Promise<string[][]> => {
      const id = await rig.submit(changes);
      const calls = await rig.redis.command(['HVALS', rig.records.key(`bq:${QUEUE}:jobs`)]);
      const kept = [...(await keysAndValues()), ['entry of the call', String(calls)]];
      await rig.redis.command(['FLUSHDB']);
      const isCall = /bq:|calls/;
      return kept
        .filter(([key = '']) => !isCall.test(key))
        .map((texts) =>
          texts.map((text) =>
            text
              .replaceAll(id, '<id>')
              .replaceAll(/\d{13}(\.\d+|\d{3})?/g, '<ms>')
              .replace(/(:minute:.+:)\d+$/, '$1<minute>'),
          ),
        );
    };
    const checked = await written();
    expect(checked.map(([key]) => key)).toContain(rig.records.key('job:<id>'));
    expect(await written()).toEqual(checked);
  });
});

const READS: Record<string, string[]> = {
  string: ['GET'],
  hash: ['HGETALL'],
  zset: ['ZRANGE', '0', '-1', 'WITHSCORES'],
  list: ['LRANGE', '0', '-1'],
};

async function keysAndValues(): Promise<string[][]> {
  const keys = await rig.redis.command(['KEYS', rig.records.key('*')]);
  const names = (Array.isArray(keys) ? keys : []).map(String).toSorted();
  return Promise.all(
    names.map(async (key) => {
      const type = String(await rig.redis.command(['TYPE', key]));
      const [read = '', ...range] = READS[type] ?? [];
      return [key, String(await rig.redis.command([read, key, ...range]))];
    }),
  );
}
