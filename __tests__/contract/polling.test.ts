import { v7 as uuidv7 } from 'uuid';
import { openApiRig, TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { LINEAR } from '../support/rigs/models-folder.js';

const api = useApiRig({ env: { RESULT_TTL_MS: '60000' } });

const submitted = async (more: object = {}): Promise<string> =>
  (await api.submit({ input: TRIP, ...more })).body.id;

const RFC3339_MS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe('a job, state by state', () => {
  it('is queued, with its place and nothing that does not apply yet', async () => {
    const { status, body } = await api.poll(await submitted({ expires_in_ms: 50_000 }));
    expect(status).toBe(200);
    expect(Object.keys(body).toSorted()).toEqual([
      'attempts',
      'created_at',
      'id',
      'input',
      'links',
      'model',
      'queue',
      'queue_expires_at',
      'status',
    ]);
    expect(body.created_at).toMatch(RFC3339_MS);
  });

  it('says when it will be done once the queue has been seen to move', async () => {
    const first = await submitted();
    const second = await submitted();
    await api.worker.succeed(first);
    // Completions are read back by full seconds: this one lies in the last second.
    const { records } = api.ctx.partitions.home;
    const done = (await records.redis.command(['KEYS', records.key('done:*')])) as string[];
    const ofLastSecond = records.key(`done:${LINEAR}:${Math.floor(Date.now() / 1000) - 1}`);
    if (done[0] !== ofLastSecond) await records.redis.command(['RENAME', done[0] ?? '', ofLastSecond]);
    // A process keeps for a while what it has read of completions.
    const fresh = await openApiRig(api.server, { env: { KEY_PREFIX: api.ctx.config.redis.keyPrefix } });
    try {
      expect(await fresh.ctx.partitions.home.jobs.completionRate(LINEAR, Date.now())).toBeGreaterThan(0);
      const { body, headers } = await fresh.poll(second);
      expect(body.queue).toEqual({ position: 1, eta_ms: expect.any(Number) });
      expect(Number(headers['retry-after'])).toBe(Math.max(1, Math.ceil(body.queue.eta_ms / 1000)));
    } finally {
      await fresh.close();
    }
  });

  it('is running', async () => {
    const id = await submitted();
    await api.worker.claim(id);
    const { body } = await api.poll(id);
    expect(body).toMatchObject({
      status: 'running',
      attempts: 1,
      started_at: expect.stringMatching(RFC3339_MS),
    });
    expect(body).not.toHaveProperty('queue');
    expect(body).not.toHaveProperty('result');
  });

  it('is canceling', async () => {
    const id = await submitted();
    await api.worker.claim(id);
    await api.call('delete', `/jobs/${id}`);
    expect((await api.poll(id)).body.status).toBe('canceling');
  });

  it('has succeeded, with its result, times and timings', async () => {
    const id = await submitted({ request_id: '99999' });
    await api.worker.succeed(id);
    const { status, body } = await api.poll(id);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id,
      status: 'succeeded',
      model: LINEAR,
      model_version: '1.0.0',
      input: TRIP,
      result: { duration: 12.9 },
      request_id: '99999',
      attempts: 1,
      started_at: expect.stringMatching(RFC3339_MS),
      finished_at: expect.stringMatching(RFC3339_MS),
      timings: { feature_prepare_ms: 0.1, model_predict_ms: 0.9, batch_size: 17 },
    });
    expect(body.timings.total_ms).toBeGreaterThanOrEqual(body.timings.queued_ms);
    expect(Date.parse(body.expires_at) - Date.parse(body.finished_at)).toBe(60_000);
  });

  it('has failed: 200, with a code and no stack trace', async () => {
    const id = await submitted();
    await api.worker.fail(id, 'model_error');
    const { status, body, text } = await api.poll(id);
    expect([status, body.status]).toEqual([200, 'failed']);
    expect(body.error).toEqual({ code: 'model_error', message: 'the model did not like it' });
    expect(body).not.toHaveProperty('result');
    expect(text).not.toMatch(/\bat .*:\d+:\d+/);
  });

  it('is canceled', async () => {
    const id = await submitted();
    await api.call('delete', `/jobs/${id}`);
    const { body } = await api.poll(id);
    expect(body).toMatchObject({
      status: 'canceled',
      finished_at: expect.any(String),
      expires_at: expect.any(String),
    });
    expect(body).not.toHaveProperty('started_at');
    expect(body).not.toHaveProperty('timings');
  });
});

describe('an id that is not there', () => {
  it.each(['x', '019ac1f2', '9b2f7b3e-6a52-4c8e-9a5e-0f6c1b1d2e3f', '%zz', "'; drop"])(
    'is 404: %s',
    async (id) => {
      const { status, body } = await api.call('get', `/jobs/${id}`);
      expect([status, body.status]).toEqual([404, 404]);
    },
  );

  it('is 404 when it is new, and 410 when it is older than records are kept', async () => {
    expect((await api.poll(uuidv7())).status).toBe(404);
    expect((await api.poll(uuidv7({ msecs: Date.now() - 59_000 }))).status).toBe(404);
    const gone = await api.poll(uuidv7({ msecs: Date.now() - 61_000 }));
    expect([gone.status, gone.body.type]).toEqual([410, '/problems/job-gone']);
    expect((await api.poll(uuidv7({ msecs: Date.now() + 1e9 }))).status).toBe(404);
  });

  it('may be written in capitals', async () => {
    const id = await submitted();
    expect((await api.poll(id.toUpperCase())).body.id).toBe(id);
  });
});

describe('the validator of a poll', () => {
  it('answers 304 while nothing has changed, with the headers of a 200 and no body', async () => {
    const id = await submitted();
    const first = await api.poll(id);
    const etag = first.headers['etag'] ?? '';
    expect(etag).toMatch(/^W\/"/);
    const again = await api.poll(id, { 'If-None-Match': etag });
    expect([again.status, again.text]).toEqual([304, '']);
    expect(again.headers).toMatchObject({ etag, vary: 'Prefer', 'cache-control': 'no-store' });
    expect(again.headers).toHaveProperty('date');
    expect(again.headers['retry-after']).toMatch(/^[1-9]\d*$/);
  });

  it('compares weakly, among several, and with any', async () => {
    const id = await submitted();
    const etag = (await api.poll(id)).headers['etag'] ?? '';
    expect((await api.poll(id, { 'If-None-Match': `"other", ${etag.slice(2)}` })).status).toBe(304);
    expect((await api.poll(id, { 'If-None-Match': '*' })).status).toBe(304);
    expect((await api.poll(id, { 'If-None-Match': '"other"' })).status).toBe(200);
  });

  it('changes with the state, and not with the place in the queue', async () => {
    const ids = [];
    for (let i = 0; i < 2; i += 1) ids.push((await api.submit({ input: TRIP })).body.id);
    const [first, second] = ids;
    const tags = [(await api.poll(second)).headers['etag']];
    await api.worker.succeed(first);
    tags.push((await api.poll(second)).headers['etag']);
    await api.worker.claim(second);
    tags.push((await api.poll(second)).headers['etag']);
    expect(tags).toEqual([tags[0], tags[0], expect.not.stringContaining('queued')]);
  });
});

describe('what a poll says of the next one', () => {
  it('is Retry-After, at least a second, until the job has ended', async () => {
    const id = await submitted();
    expect((await api.poll(id)).headers['retry-after']).toMatch(/^[1-9]\d*$/);
    await api.worker.succeed(id);
    expect((await api.poll(id)).headers).not.toHaveProperty('retry-after');
  });

  it('lets caches keep only what can no longer change', async () => {
    const id = await submitted();
    expect((await api.poll(id)).headers['cache-control']).toBe('no-store');
    await api.worker.succeed(id);
    const [, seconds] =
      /^private, max-age=(\d+)$/.exec((await api.poll(id)).headers['cache-control'] ?? '') ?? [];
    expect(Number(seconds)).toBeGreaterThan(50);
    expect(Number(seconds)).toBeLessThanOrEqual(60);
  });

  it('answers HEAD without a body', async () => {
    const response = await fetch(`${api.url}/jobs/${await submitted()}`, { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(100);
  });
});
