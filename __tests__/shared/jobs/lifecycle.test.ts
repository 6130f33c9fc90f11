import { v7 as uuidv7 } from 'uuid';
import type { ClaimedJob } from '../../../shared/jobs/job-leases.js';
import { newJob, QUEUE, useJobRig } from '../../support/rigs/job-rig.js';

const rig = useJobRig();

const RUN = { queue: QUEUE, modelVersion: '1.0.0', prepareMs: 0.1, predictMs: 0.9, batchSize: 1 };

async function claimOne(id: string, leaseMs = 15_000): Promise<ClaimedJob> {
  const [claim] = await rig.claim([id], leaseMs);
  if (claim?.kind !== 'run') throw new Error(`not claimed: ${claim?.kind}`);
  return claim.job;
}

const stateOf = async (id: string): Promise<string | undefined> => (await rig.store.find(id))?.state;
const succeed = (job: ClaimedJob, value: number) =>
  rig.leases.commit(RUN, [{ ...job, ok: true, result: { duration: value } }]);

describe('a job that goes well', () => {
  it('is queued, then running, then succeeded with its result, timings and expiry', async () => {
    const id = await rig.submit({ requestId: 'r-1' });
    expect(await rig.store.find(id)).toMatchObject({ state: 'queued', attempts: 0, requestId: 'r-1' });
    const job = await claimOne(id);
    expect(job).toMatchObject({
      input: { x: 1 },
      token: 1,
      attempts: 1,
      timeoutMs: 60_000,
      requestId: 'r-1',
    });
    expect(await stateOf(id)).toBe('running');
    expect(await succeed(job, 12.5)).toEqual(['committed']);
    const done = await rig.store.find(id);
    expect(done).toMatchObject({
      state: 'succeeded',
      result: { duration: 12.5 },
      modelVersion: '1.0.0',
      timings: { prepareMs: 0.1, predictMs: 0.9, batchSize: 1 },
    });
    if (done?.state !== 'succeeded') throw new Error('not succeeded');
    expect(done.expiresMs - done.finishedMs).toBeCloseTo(60_000, 1);
    expect(await rig.redis.command(['PTTL', rig.records.key(`job:${id}`)])).toBeGreaterThan(59_000);
  });

  it('has no time to live before it ends', async () => {
    const id = await rig.submit();
    await claimOne(id);
    expect(await rig.redis.command(['PTTL', rig.records.key(`job:${id}`)])).toBe(-1);
  });

  it('wakes its waiters with one message a micro-batch', async () => {
    const ids = [await rig.submit(), await rig.submit()];
    const before = await publishedMessages(async () => {
      const claims = await rig.claim(ids, 15_000);
      const outcomes = claims.map((claim) => {
        if (claim.kind !== 'run') throw new Error(claim.kind);
        return Object.assign(claim.job, { ok: true as const, result: {} });
      });
      await rig.leases.commit({ ...RUN, batchSize: 2 }, outcomes);
    });
    expect(before).toEqual([ids.join(',')]);
  });

  it('leaves no entry in the queue, running and deadline indexes', async () => {
    const id = await rig.submit({ expiresInMs: 60_000 });
    await succeed(await claimOne(id), 1);
    for (const index of [`queued:${QUEUE}`, 'running', 'deadlines']) {
      expect(await rig.redis.command(['ZCARD', rig.records.key(index)])).toBe(0);
    }
  });
});

describe('a claim', () => {
  it('refuses a job that another worker holds, one that ended, and one that is not there', async () => {
    const [held, done, gone] = [await rig.submit(), await rig.submit(), uuidv7()];
    await claimOne(held);
    await succeed(await claimOne(done), 1);
    const claims = await rig.claim([held, done, gone], 15_000);
    expect(claims.map((claim) => claim.kind)).toEqual(['busy', 'ended', 'gone']);
  });

  it('takes over a running job whose lease is over, with a higher fencing token', async () => {
    const id = await rig.submit();
    const first = await claimOne(id, 0);
    const second = await claimOne(id);
    expect(second.token).toBe(first.token + 1);
    expect(second.attempts).toBe(2);
  });

  it('refuses the late commit of the worker that lost the job', async () => {
    const id = await rig.submit();
    const first = await claimOne(id, 0);
    const second = await claimOne(id);
    expect(await succeed(first, 1)).toEqual(['stale']);
    expect(await succeed(second, 2)).toEqual(['committed']);
    expect(await succeed(first, 3)).toEqual(['stale']);
    expect(await rig.store.find(id)).toMatchObject({ result: { duration: 2 } });
  });

  it('ends a job that was lost in every attempt as worker_lost', async () => {
    const id = await rig.submit({ maxAttempts: 2 });
    await claimOne(id, 0);
    await claimOne(id, 0);
    expect((await rig.claim([id], 15_000))[0]?.kind).toBe('ended');
    expect(await rig.store.find(id)).toMatchObject({
      state: 'failed',
      attempts: 2,
      failure: { code: 'worker_lost' },
    });
  });

  it('charges nobody for a worker that is lost with several jobs, and the one that is lost alone', async () => {
    const reap = async () => (await rig.sweep.reap({ offset: 0, limit: 10 })).ended;
    const ids = [await rig.submit({ maxAttempts: 1 }), await rig.submit({ maxAttempts: 1 })];
    await rig.claim(ids, 0);
    expect(await reap()).toEqual([]);
    for (const id of ids) {
      expect(await rig.store.find(id)).toMatchObject({ state: 'queued', attempts: 0 });
      await claimOne(id, 0);
    }
    expect(new Set(await reap())).toEqual(new Set(ids.map((jobId) => ({ jobId, outcome: 'worker_lost' }))));
  });

  it('charges nobody for what was claimed ahead, also when another worker takes it over', async () => {
    const id = await rig.submit({ maxAttempts: 1 });
    const request = { jobId: id, delivery: 1, claimId: 'w1:1' };
    await rig.leases.claim([request], 0, true);
    expect(await claimOne(id, 0)).toMatchObject({ attempts: 1, token: 2 });
    expect((await rig.claim([id], 15_000))[0]?.kind).toBe('ended');
  });

  it('ends a job past its queue deadline as expired, without running it', async () => {
    const id = await rig.submit({ expiresInMs: 0 });
    expect((await rig.claim([id], 15_000))[0]?.kind).toBe('ended');
    expect(await rig.store.find(id)).toMatchObject({ state: 'expired', attempts: 0 });
  });

  it('refuses a record of another version and leaves it as it is', async () => {
    const id = await rig.submit();
    const key = rig.records.key(`job:${id}`);
    await rig.redis.command(['HSET', key, 'schema', '2']);
    expect((await rig.claim([id], 15_000))[0]?.kind).toBe('unreadable');
    expect(await rig.redis.command(['HGET', key, 'status'])).toBe('queued');
    await expect(rig.store.find(id)).rejects.toThrow(/record schema 2/);
  });
});

describe('a cancel', () => {
  it('ends a queued job at once', async () => {
    const id = await rig.submit();
    expect(await rig.store.cancel(id, undefined)).toBe('canceled');
    expect((await rig.claim([id], 15_000))[0]?.kind).toBe('ended');
    expect(await stateOf(id)).toBe('canceled');
  });

  it('wins over a commit that comes later, whose outcome is dropped', async () => {
    const id = await rig.submit();
    const job = await claimOne(id);
    expect(await rig.store.cancel(id, undefined)).toBe('canceling');
    expect(await rig.leases.renew([job], 15_000)).toEqual(['canceling']);
    expect(await succeed(job, 1)).toEqual(['canceled']);
    const ended = await rig.store.find(id);
    expect(ended?.state).toBe('canceled');
    expect(ended).not.toHaveProperty('result');
  });

  it('comes too late after a commit', async () => {
    const id = await rig.submit();
    await succeed(await claimOne(id), 1);
    expect(await rig.store.cancel(id, undefined)).toBe('ended');
    expect(await stateOf(id)).toBe('succeeded');
  });

  it('turns a retry, a release, a claim after the lease and a reaped lease into canceled', async () => {
    const cancelHeld = async (leaseMs: number): Promise<ClaimedJob> => {
      const job = await claimOne(await rig.submit(), leaseMs);
      await rig.store.cancel(job.id, undefined);
      return job;
    };
    const [retried, released] = [await cancelHeld(15_000), await cancelHeld(15_000)];
    expect(await rig.leases.retry([{ ...retried, code: 'timeout', message: '' }])).toEqual([
      { kind: 'canceled' },
    ]);
    expect(await rig.leases.release([released])).toEqual([{ kind: 'canceled' }]);
    const claimed = await cancelHeld(0);
    expect((await rig.claim([claimed.id], 15_000))[0]?.kind).toBe('ended');
    const reaped = await cancelHeld(0);
    expect(await rig.sweep.reap({ offset: 0, limit: 10 })).toEqual({
      found: [],
      ended: [{ jobId: reaped.id, outcome: 'canceled' }],
      next: 0,
    });
    const ids = [retried.id, released.id, claimed.id, reaped.id];
    expect(await Promise.all(ids.map(stateOf))).toEqual(Array(4).fill('canceled'));
  });

  it("does not reach another owner's job", async () => {
    const id = await rig.submit({ owner: 'ann' });
    expect(await rig.store.cancel(id, 'bob')).toBe('gone');
    expect(await rig.store.cancel(id, 'ann')).toBe('canceled');
  });
});

describe('giving a job back', () => {
  it('counts the attempt of a retry and asks for a new delivery', async () => {
    const id = await rig.submit();
    const job = await claimOne(id);
    expect(await rig.leases.retry([{ ...job, code: 'timeout', message: 'too slow' }])).toEqual([
      { kind: 'queued', delivery: 2 },
    ]);
    expect(await rig.store.find(id)).toMatchObject({ state: 'queued', attempts: 1 });
    expect((await claimOne(id)).attempts).toBe(2);
  });

  it('fails a retried job that has no attempt left, with the reason of its last failure', async () => {
    const job = await claimOne(await rig.submit({ maxAttempts: 1 }));
    expect(await rig.leases.retry([{ ...job, code: 'timeout', message: 'too slow' }])).toEqual([
      { kind: 'failed' },
    ]);
    expect(await rig.store.find(job.id)).toMatchObject({
      failure: { code: 'timeout', message: 'too slow' },
    });
  });

  it('takes the attempt of a release back, and puts the job before those that wait', async () => {
    const job = await claimOne(await rig.submit({ maxAttempts: 1 }));
    await rig.submit();
    expect(await rig.leases.release([job])).toEqual([{ kind: 'queued', delivery: 2 }]);
    expect(await rig.redis.command(['LINDEX', rig.bee.waiting, '-1'])).toBe(`${job.id}.2`);
    expect(await rig.store.find(job.id)).toMatchObject({ state: 'queued', attempts: 0 });
    expect((await claimOne(job.id)).attempts).toBe(1);
  });

  it('changes nothing for a worker whose token is over', async () => {
    const id = await rig.submit();
    const first = await claimOne(id, 0);
    await claimOne(id);
    expect(await rig.leases.release([first])).toEqual([{ kind: 'stale' }]);
    expect(await rig.leases.renew([first], 15_000)).toEqual(['lost']);
  });

  it('replaces an unclaimed delivery once', async () => {
    const id = await rig.submit();
    expect(await rig.leases.redeliver([{ jobId: id, delivery: 1, claimId: '' }])).toEqual([2]);
    expect(await rig.leases.redeliver([{ jobId: id, delivery: 1, claimId: '' }])).toEqual([undefined]);
  });
});

describe('create', () => {
  it('answers a repeated Idempotency-Key with the first job, whatever its state', async () => {
    const idempotency = { caller: 'ann', key: 'k', fingerprint: 'f' };
    const first = await rig.submit({ idempotency });
    const again = () => rig.store.create(newJob({ idempotency }), 1_000);
    expect(await again()).toEqual({ kind: 'replayed', jobId: first });
    await succeed(await claimOne(first), 1);
    expect(await again()).toEqual({ kind: 'replayed', jobId: first });
  });

  it('refuses the key with another body, and keeps callers apart', async () => {
    const idempotency = { caller: 'ann', key: 'k', fingerprint: 'f' };
    await rig.submit({ idempotency, owner: 'ann' });
    const other = { ...idempotency, fingerprint: 'g' };
    expect(await rig.store.create(newJob({ idempotency: other, owner: 'ann' }), 9)).toEqual({
      kind: 'mismatch',
    });
    expect(
      (await rig.store.create(newJob({ idempotency: { ...other, caller: 'bob' }, owner: 'bob' }), 9)).kind,
    ).toBe('created');
  });

  it('makes a new job when the first one of the key has expired', async () => {
    const idempotency = { caller: 'ann', key: 'k', fingerprint: 'f' };
    const first = await rig.submit({ idempotency });
    await rig.redis.command(['DEL', rig.records.key(`job:${first}`)]);
    expect((await rig.store.create(newJob({ idempotency }), 9)).kind).toBe('created');
  });

  it('refuses a job when the queue is full, and leaves nothing of it', async () => {
    await rig.submit();
    const refused = newJob();
    expect(await rig.store.create(refused, 1)).toEqual({ kind: 'full', depth: 1 });
    expect(await rig.store.find(refused.id)).toBeUndefined();
  });

  it('keeps positions in the order of creation', async () => {
    const ids = [await rig.submit(), await rig.submit(), await rig.submit()];
    expect(await Promise.all(ids.map((id) => rig.store.position(QUEUE, id)))).toEqual([0, 1, 2]);
    await claimOne(ids[0] ?? '');
    expect(await Promise.all(ids.map((id) => rig.store.position(QUEUE, id)))).toEqual([undefined, 0, 1]);
  });
});

it('runs scripts again after SCRIPT FLUSH', async () => {
  const id = await rig.submit();
  await rig.redis.command(['SCRIPT', 'FLUSH']);
  expect((await claimOne(id)).token).toBe(1);
  await rig.redis.command(['SCRIPT', 'FLUSH']);
  expect(await rig.submit()).toHaveLength(36);
});

async function publishedMessages(run: () => Promise<void>): Promise<string[]> {
  const { openRedisSubscriber } = await import('../../../shared/redis/redis.js');
  const subscriber = await openRedisSubscriber({ address: rig.server.address, onError: () => undefined });
  const messages: string[] = [];
  await subscriber.subscribe(rig.records.key('ended'), (message) => messages.push(message));
  await run();
  await subscriber.subscribe(rig.records.key('flush'), () => undefined);
  await subscriber.close();
  return messages;
}

describe('jobs that are created at the same moment', () => {
  it('share a round trip, and each gets its own answer', async () => {
    const idempotency = { caller: '', key: 'group', fingerprint: 'f' };
    const first = newJob({ idempotency });
    const plain = newJob();
    const late = newJob();
    const created = await Promise.all([
      rig.store.create(first, 2),
      rig.store.create(newJob({ idempotency }), 2),
      rig.store.create(newJob({ idempotency: { ...idempotency, fingerprint: 'g' } }), 2),
      rig.store.create(plain, 2),
      rig.store.create(late, 2),
    ]);
    expect(created).toMatchObject([
      { kind: 'created', waitingBefore: 0 },
      { kind: 'replayed', jobId: first.id },
      { kind: 'mismatch' },
      { kind: 'created', waitingBefore: 1 },
      { kind: 'full', depth: 2 },
    ]);
    expect(await rig.store.find(late.id)).toBeUndefined();
    const waiting = await rig.redis.command(['LRANGE', rig.bee.waiting, '0', '-1']);
    expect(waiting).toEqual([`${plain.id}.1`, `${first.id}.1`]);
    expect(await rig.redis.command(['HGET', rig.records.key('counts'), `${QUEUE}:submitted`])).toBe('2');
  });

  it('are put into Bee-Queue as its own save does it', async () => {
    const id = await rig.submit();
    await rig.producers.enqueue(QUEUE, { jobId: id, delivery: 2 });
    const [ours, theirs] = await Promise.all(
      [1, 2].map(async (delivery) => {
        const entry = await rig.redis.command(['HGET', rig.bee.jobs, `${id}.${delivery}`]);
        return JSON.parse(String(entry)) as { options: { timestamp: number } };
      }),
    );
    expect(ours).toEqual({ ...theirs, options: { ...theirs?.options, timestamp: ours?.options.timestamp } });
    expect(JSON.stringify(Object.keys(ours ?? {}))).toBe(JSON.stringify(Object.keys(theirs ?? {})));
    const waiting = await rig.redis.command(['LRANGE', rig.bee.waiting, '0', '-1']);
    expect(waiting).toEqual([`${id}.2`, `${id}.1`]);
  });
});

it('takes a job once that stands twice in one claim', async () => {
  const id = await rig.submit();
  const requests = ['a', 'b'].map((claimId) => ({ jobId: id, delivery: 1, claimId }));
  const claims = await rig.leases.claim(requests, 60_000);
  expect(claims.map(({ kind }) => kind)).toEqual(['run', 'busy']);
  expect(await rig.store.find(id)).toMatchObject({ state: 'running', attempts: 1 });
});
