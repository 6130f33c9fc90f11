import type { Response } from 'supertest';
import { until } from '../support/latch.js';
import { type ApiRig, type Headers, openApiRig, TRIP, useApiRigs } from '../support/rigs/api-rig.js';
import { LINEAR, SHOP } from '../support/rigs/models-folder.js';

const open = useApiRigs();
let api: ApiRig;
beforeEach(async () => {
  api = await open();
});

const GOOD = { input: TRIP };
const BAD = { input: { ...TRIP, trip_distance: -1 } };
const STRANGE = { model: 'nowhere', input: {} };
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
const submit = (jobs: readonly unknown[], headers: Headers = {}, to = api): Promise<Response> =>
  to.submit({ jobs }, headers);
const jobsOf = (answer: Response): { id: string; status: string | number; type?: string }[] =>
  answer.body.jobs;
const count = async (to = api): Promise<number> => (await to.call('get', '/jobs')).body.jobs.length;

describe('many jobs of one request', () => {
  it('are answered in order, each with its job or its problem', async () => {
    const shop = { model: SHOP, input: { size: 's' }, priority: 'high', request_id: 'mine' };
    const later = { ...GOOD, delay_ms: 60_000, expires_in_ms: 1_000 };
    const answer = await submit([GOOD, BAD, shop, STRANGE, { ...TRIP, request_id: 'flat' }, 7, later, GOOD]);
    expect(answer.status).toBe(202);
    expect(answer.headers).toMatchObject({ vary: 'Prefer', 'retry-after': expect.stringMatching(/^[1-9]/) });
    expect(answer.headers).not.toHaveProperty('location');
    const rule = { pointer: '#/input/trip_distance', detail: 'must be >= 0' };
    expect(answer.body.jobs).toMatchObject([
      { status: 'queued', model: LINEAR, input: TRIP, queue: { position: 1 } },
      { status: 422, type: '/problems/validation-failed', errors: [rule] },
      { status: 'queued', model: SHOP, request_id: 'mine', queue: { position: 1 } },
      { status: 404, type: '/problems/model-not-found' },
      { status: 'queued', model: LINEAR, request_id: 'flat', input: TRIP, queue: { position: 2 } },
      { status: 422, errors: [{ pointer: '#' }] },
      { status: 'queued', queue: { starts_at: expect.any(String) } },
      { status: 'queued', queue: { position: 3 } },
    ]);
    for (const job of jobsOf(answer).filter(({ type }) => type === undefined)) {
      expect((await api.poll(job.id)).body).toMatchObject({ id: job.id, status: 'queued' });
    }
    expect(await count()).toBe(5);
  });

  it('carry the traceparent of the request', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const [first, second] = jobsOf(await submit([GOOD, GOOD], { traceparent }));
    for (const job of [first, second]) {
      expect((await api.worker.claim(job?.id ?? '')).record.about.traceparent).toBe(traceparent);
    }
  });

  it('are 256 at most, and come by one transaction when nothing has to be looked at', async () => {
    await submit([GOOD]);
    const transaction = jest.spyOn(api.ctx.partitions.home.records.redis, 'transaction');
    const answer = await submit(times(256, GOOD));
    expect(transaction).toHaveBeenCalledTimes(1);
    transaction.mockRestore();
    expect([answer.status, new Set(jobsOf(answer).map(({ id }) => id)).size]).toEqual([202, 256]);
    expect(answer.body.jobs[255].queue.position).toBe(257);
    const refused = await submit(times(257, GOOD));
    expect([refused.status, refused.body.errors]).toEqual([
      422,
      [{ pointer: '#/jobs', detail: 'must NOT have more than 256 items' }],
    ]);
    expect((await submit([])).body.errors).toMatchObject([{ pointer: '#/jobs' }]);
    const beside = await api.submit({ jobs: [GOOD], model: LINEAR });
    expect(beside.body.errors).toEqual([{ pointer: '#/model', detail: 'is not a known member' }]);
  });

  it('are 422 together when each of them is bad, with pointers into the body', async () => {
    const { status, body } = await submit([BAD, STRANGE]);
    expect(status).toBe(422);
    expect(body.errors).toEqual([
      { pointer: '#/jobs/0/input/trip_distance', detail: 'must be >= 0' },
      { pointer: '#/jobs/1', detail: expect.stringContaining('no model "nowhere"') },
    ]);
    const many = (await submit(times(256, BAD))).body.errors;
    expect(many).toHaveLength(100);
    expect(many[99]).toEqual({
      pointer: '#/jobs',
      detail: 'breaks 157 further rules, which are not listed',
    });
  });

  it('have a body of 4 MiB at most, while that of a single one keeps its limit', async () => {
    const large = (bytes: number) => ({ ...GOOD, request_id: 'r', model: 'x'.repeat(bytes) });
    const answer = await submit([GOOD, ...times(4, large(200_000))]);
    expect([answer.status, jobsOf(answer).length]).toEqual([202, 5]);
    const tooLarge = await submit([GOOD, ...times(22, large(200_000))]);
    expect([tooLarge.status, tooLarge.body.type]).toEqual([413, '/problems/body-too-large']);
    expect(tooLarge.body.detail).toContain('4194304 bytes');
    const single = await api.submit(large(70_000));
    expect([single.status, single.body.detail]).toEqual([413, expect.stringContaining('65536 bytes')]);
  });
});

describe('a wait for many', () => {
  const waiting = async (jobs: readonly unknown[], to: ApiRig, wait = 30) => {
    const answer = submit(jobs, { Prefer: `wait=${wait}` }, to);
    await until(() => to.ctx.waiters.size === 1);
    const ids = await until(async () => {
      const { jobs: found } = (await to.call('get', '/jobs')).body;
      return found.length > 0 && found.map(({ id }: { id: string }) => id).toReversed();
    });
    return { answer, ids };
  };

  it('is one wait, and is answered 200 once all that were accepted have ended', async () => {
    const own = await open({ limits: { rereadMs: 60_000, waits: 1 } });
    const { answer, ids } = await waiting([GOOD, BAD, GOOD, GOOD], own);
    const find = jest.spyOn(own.ctx.partitions.home.jobs, 'findAll');
    await own.worker.succeed(ids[1]);
    await own.worker.fail(ids[0], 'model_error');
    expect(own.ctx.waiters.size).toBe(1);
    await own.worker.succeed(ids[2], { duration: 7 });
    const { status, body, headers } = await answer;
    expect([status, headers['preference-applied']]).toEqual([200, 'wait=30']);
    expect(headers).not.toHaveProperty('retry-after');
    expect(body.jobs).toMatchObject([
      { id: ids[0], status: 'failed' },
      { status: 422 },
      { id: ids[1], status: 'succeeded', result: { duration: 12.9 } },
      { id: ids[2], status: 'succeeded', result: { duration: 7 } },
    ]);
    expect(find).not.toHaveBeenCalled();
    find.mockRestore();
    expect(body.jobs[2]).toEqual((await own.poll(ids[1])).body);
    expect(own.ctx.waiters.size).toBe(0);
  });

  it('shows each job as it is when the time is over', async () => {
    const { answer, ids } = await waiting([GOOD, GOOD], api, 1);
    await api.worker.succeed(ids[1]);
    const { status, body, headers } = await answer;
    expect([status, headers['preference-applied']]).toEqual([202, 'wait=1']);
    expect(body.jobs).toMatchObject([{ status: 'queued' }, { status: 'succeeded' }]);
  });

  it('notices the ends of which no message came', async () => {
    const own = await openApiRig(api.server, { limits: { rereadMs: 20 } });
    const { answer, ids } = await waiting([GOOD, GOOD, GOOD], own);
    const tell = jest.spyOn(own.ctx.waiters, 'tell').mockImplementation(() => undefined);
    const wake = jest.spyOn(own.ctx.waiters, 'wake').mockImplementation(() => undefined);
    for (const id of ids.toReversed()) await own.worker.succeed(id);
    const { status, body } = await answer;
    expect([status, jobsOf({ body } as Response).map((job) => job.status)]).toEqual([
      200,
      times(3, 'succeeded'),
    ]);
    expect([tell.mock.calls.length, wake.mock.calls.length]).toEqual([3, 3]);
    await own.close();
  });

  it('is not held where requests for many wait for as many jobs as they may', async () => {
    const own = await open({ limits: { waits: 2 } });
    const { answer, ids } = await waiting(times(12, GOOD), own);
    const other = await submit(times(9, GOOD), { Prefer: 'wait=30' }, own);
    expect([other.status, other.headers['preference-applied']]).toEqual([202, undefined]);
    for (const id of ids) await own.worker.succeed(id);
    expect((await answer).status).toBe(200);
  });

  it('is over when the client leaves', async () => {
    const leaving = new AbortController();
    const answer = fetch(`${api.url}/jobs`, {
      method: 'POST',
      headers: { Prefer: 'wait=30', 'Content-Type': 'application/json' },
      body: JSON.stringify({ jobs: [GOOD, GOOD] }),
      signal: leaving.signal,
    });
    await until(() => api.ctx.waiters.size === 1);
    leaving.abort();
    await expect(answer).rejects.toThrow('aborted');
    await until(() => api.ctx.waiters.size === 0);
  });
});

describe('room', () => {
  const API_KEYS = 'ann:secret-of-ann-0123456,bob:secret-of-bob-0123456:lane=low';
  const as = (name: string, more: Headers = {}): Headers => ({
    Authorization: `Bearer secret-of-${name}-0123456`,
    ...more,
  });

  it('is found for all or none, in every queue', async () => {
    const own = await open({ env: { MAX_QUEUE_DEPTH: '4' } });
    const shop = { model: SHOP, input: { size: 's' } };
    const full = await submit([shop, ...times(5, GOOD)], {}, own);
    expect([full.status, full.body.type, full.headers['retry-after']]).toEqual([
      503,
      '/problems/queue-full',
      '5',
    ]);
    expect(await count(own)).toBe(0);
    expect((await submit([...times(4, GOOD), ...times(4, shop)], {}, own)).status).toBe(202);
    expect((await submit([shop], {}, own)).status).toBe(503);
  });

  it('is shared with the other callers, and nothing of a refused request is kept', async () => {
    const own = await open({ env: { MAX_QUEUE_DEPTH: '8', API_KEYS } });
    const refused = await submit(times(5, GOOD), as('ann'), own);
    expect([refused.status, refused.body.type]).toEqual([429, '/problems/too-many-waiting']);
    expect((await own.call('get', '/jobs', { headers: as('ann') })).body.jobs).toEqual([]);
    expect((await submit(times(4, GOOD), as('ann'), own)).status).toBe(202);
    const bobs = await submit([GOOD, { ...GOOD, priority: 'high' }], as('bob'), own);
    expect(bobs.body.jobs).toMatchObject([
      { status: 'queued' },
      { status: 403, type: '/problems/lane-not-allowed' },
    ]);
  });

  it('is found by as many as the rate limit lets through', async () => {
    const own = await open({ env: { RATE_LIMIT: '5/60', REDIS_TIMEOUT_MS: '30000' } });
    const over = await submit(times(6, GOOD), {}, own);
    expect([over.status, over.body.type]).toEqual([429, '/problems/batch-over-rate-limit']);
    const taken = await submit([GOOD, GOOD, BAD], {}, own);
    expect([taken.status, taken.headers['ratelimit']]).toEqual([202, expect.stringMatching(/; r=1;/)]);
    expect((await submit([GOOD, GOOD], {}, own)).body.type).toBe('/problems/rate-limited');
    expect(await count(own)).toBe(2);
  });

  it('is refused for a while by a process that drains, and by one whose Redis is away', async () => {
    const own = await openApiRig(api.server, { env: { REDIS_TIMEOUT_MS: '300' } });
    api.server.freeze();
    const away = await submit([GOOD, GOOD], {}, own);
    api.server.thaw();
    expect([away.status, away.body.type]).toEqual([503, '/problems/redis-unavailable']);
    own.drain();
    const draining = await submit([GOOD], {}, own);
    expect([draining.status, draining.body.type]).toEqual([503, '/problems/draining']);
    await own.close();
  });
});

describe('an Idempotency-Key of many', () => {
  let keys = 0;
  const keyed = (more: Headers = {}): Headers => ({ 'Idempotency-Key': `many-${(keys += 1)}`, ...more });
  const lifeMs = async (headers: Headers): Promise<number> =>
    Number(
      await api.ctx.partitions.home.records.redis.command([
        'PTTL',
        api.ctx.partitions.home.records.key(`key::${headers['Idempotency-Key']}`),
      ]),
    );

  it('finds the same jobs, as they are now, and the same problems', async () => {
    const headers = keyed();
    const first = await submit([GOOD, STRANGE, GOOD], headers);
    expect(first.headers).not.toHaveProperty('idempotency-replayed');
    await api.worker.succeed(jobsOf(first)[2]?.id ?? '');
    const again = await submit([GOOD, STRANGE, GOOD], headers);
    expect([again.status, again.headers['idempotency-replayed']]).toEqual([202, 'true']);
    expect(again.body.jobs).toMatchObject([
      { id: jobsOf(first)[0]?.id, status: 'queued' },
      first.body.jobs[1],
      { id: jobsOf(first)[2]?.id, status: 'succeeded' },
    ]);
    expect(await count()).toBe(2);
    const waiting = submit([GOOD, STRANGE, GOOD], { ...headers, Prefer: 'wait=30' });
    await until(() => api.ctx.waiters.size === 1);
    await api.worker.succeed(jobsOf(first)[0]?.id ?? '');
    expect((await waiting).status).toBe(200);
  });

  it('makes the jobs once, however many requests come at once', async () => {
    const headers = keyed();
    const answers = await Promise.all(times(8, 0).map(() => submit([GOOD, GOOD], headers)));
    expect(answers.map(({ status }) => status)).toEqual(times(8, 202));
    expect(new Set(answers.flatMap(jobsOf).map(({ id }) => id)).size).toBe(2);
  });

  it.each([
    ['another body', { jobs: [GOOD, GOOD] }],
    ['a single job', GOOD],
  ])('is not taken with %s', async (_what, other) => {
    const headers = keyed();
    await submit([GOOD], headers);
    const { status, body } = await api.submit(other, headers);
    expect([status, body.type]).toEqual([422, '/problems/idempotency-key-reused']);
    const single = keyed();
    await api.submit(GOOD, single);
    expect((await submit([GOOD], single)).body.type).toBe('/problems/idempotency-key-reused');
  });

  it('lives as long as the last of its jobs, and is not spent on a request that is refused', async () => {
    const headers = keyed();
    expect((await submit([BAD], headers)).status).toBe(422);
    const [first, second] = jobsOf(await submit([GOOD, GOOD], headers)).map(({ id }) => id);
    await api.worker.succeed(first ?? '');
    expect(await lifeMs(headers)).toBe(-1);
    const { records } = api.ctx.partitions.home;
    await records.redis.command(['DEL', records.key(`job:${first}`)]);
    expect((await submit([GOOD, GOOD], headers)).body.jobs).toMatchObject([
      { type: '/problems/job-not-found' },
      { id: second },
    ]);
    await api.call('delete', `/jobs/${second}`);
    expect(await lifeMs(headers)).toBeGreaterThan(0);
    expect(await records.redis.command(['KEYS', records.key('key:*:open')])).toEqual([]);
  });
});
