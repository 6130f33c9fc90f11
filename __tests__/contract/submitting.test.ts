import { until } from '../support/latch.js';
import { type ApiRig, type Headers, openApiRig, TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { LINEAR, SHOP } from '../support/rigs/models-folder.js';

const api = useApiRig();

/** Runs a test on an API of its own, which has other settings or is spoiled afterwards. */
async function onItsOwn(
  test: (own: ApiRig) => Promise<void>,
  env: Record<string, string> = {},
): Promise<void> {
  const own = await openApiRig(api.server, { env });
  try {
    await test(own);
  } finally {
    await own.close();
  }
}

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('an accepted job', () => {
  it('is answered with 202, its Location, whole seconds to stay away, and itself', async () => {
    const response = await api.submit({ input: TRIP, request_id: '99999' });
    expect(response.status).toBe(202);
    expect(response.body).toMatchObject({
      id: expect.stringMatching(UUID_V7),
      status: 'queued',
      model: LINEAR,
      input: TRIP,
      request_id: '99999',
      attempts: 0,
      queue: { position: expect.any(Number) },
    });
    expect(response.headers['location']).toBe(`/jobs/${response.body.id}`);
    expect(response.body.links).toEqual({
      self: `/jobs/${response.body.id}`,
      events: `/jobs/${response.body.id}/events`,
      cancel: `/jobs/${response.body.id}`,
    });
    expect(response.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    expect(response.headers['cache-control']).toBe('no-store');
  });

  it('is in its record and its queue, and a worker called, when the 202 is sent', async () => {
    const { body } = await api.submit({ input: TRIP });
    const { records } = api.ctx.partitions.home;
    const ask = (...words: string[]) => records.redis.command(words);
    expect(await ask('EXISTS', records.key(`job:${body.id}`))).toBe(1);
    expect(await ask('ZRANK', records.key(`queued:${LINEAR}:normal`), body.id)).toBe(0);
    expect(await ask('LLEN', records.key(`bq:${LINEAR}:waiting`))).toBe(1);
  });

  it('stands behind those that wait already', async () => {
    const positions = [];
    for (let i = 0; i < 3; i += 1) positions.push((await api.submit({ input: TRIP })).body.queue.position);
    expect(positions).toEqual([1, 2, 3]);
  });

  it('goes to the model that it names', async () => {
    const { status, body } = await api.submit({ model: SHOP, input: { size: 'l', gift: true } });
    expect([status, body.model, body.input]).toEqual([202, SHOP, { size: 'l', gift: true }]);
  });

  it('has the default timeout and attempts, or those that it asks for', async () => {
    const plain = await api.submit({ input: TRIP });
    const own = await api.submit({ input: TRIP, timeout_ms: 600_000, max_attempts: 50 });
    const [first, second] = [await api.worker.claim(plain.body.id), await api.worker.claim(own.body.id)];
    expect([first.record.timeoutMs, first.record.maxAttempts]).toEqual([60_000, 3]);
    expect([second.record.timeoutMs, second.record.maxAttempts]).toEqual([600_000, 50]);
  });

  it('says until when it may wait, if it may not wait for ever', async () => {
    const { body } = await api.submit({ input: TRIP, expires_in_ms: 60_000 });
    expect(Date.parse(body.queue_expires_at) - Date.parse(body.created_at)).toBe(60_000);
    expect((await api.submit({ input: TRIP })).body).not.toHaveProperty('queue_expires_at');
  });

  it('carries a valid traceparent to the worker, and no invalid one', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const traced = await api.submit({ input: TRIP }, { traceparent });
    const untraced = await api.submit(
      { input: TRIP },
      { traceparent: traceparent.replace('00-4b', 'ff-4b') },
    );
    expect((await api.worker.claim(traced.body.id)).record.about.traceparent).toBe(traceparent);
    expect((await api.worker.claim(untraced.body.id)).record.about.traceparent).toBeUndefined();
  });
});

describe('the flat body of the original service', () => {
  it('means the same as the nested one', async () => {
    const { status, body } = await api.submit({ request_id: '99999', ...TRIP });
    expect(status).toBe(202);
    expect(body).toMatchObject({ model: LINEAR, input: TRIP, request_id: '99999' });
  });

  it('is checked like it, with pointers into itself', async () => {
    const { status, body } = await api.submit({ ...TRIP, trip_distance: -1, colour: 'red', timeout_ms: 5 });
    expect(status).toBe(422);
    expect(body.errors).toEqual(
      expect.arrayContaining([
        { pointer: '#/trip_distance', detail: 'must be >= 0' },
        { pointer: '#/colour', detail: 'is not a known member' },
        { pointer: '#/timeout_ms', detail: 'is not a known member' },
      ]),
    );
  });
});

describe('a body that breaks rules', () => {
  it('is answered with 422 and every broken rule at once', async () => {
    const { status, body } = await api.submit({
      input: { PULocationID: 0, trip_distance: 'far', passengers: 2 },
      timeout_ms: 0,
      max_attempts: 1.5,
      colour: 'red',
    });
    expect(status).toBe(422);
    expect(body).toMatchObject({ type: '/problems/validation-failed', status: 422 });
    expect(body.errors).toHaveLength(7);
    expect(body.errors).toEqual(
      expect.arrayContaining([
        { pointer: '#/input/PULocationID', detail: 'must be >= 1' },
        { pointer: '#/input/DOLocationID', detail: 'is required' },
        { pointer: '#/input/trip_distance', detail: 'must be number' },
        { pointer: '#/input/passengers', detail: 'is not a known member' },
        { pointer: '#/timeout_ms', detail: 'must be >= 1' },
        { pointer: '#/max_attempts', detail: 'must be integer' },
        { pointer: '#/colour', detail: 'is not a known member' },
      ]),
    );
  });

  it.each([
    ['PULocationID', 266],
    ['DOLocationID', 0],
    ['DOLocationID', 1.5],
    ['trip_distance', 100.1],
    ['trip_distance', null],
    ['pickup_datetime', 'yesterday'],
    ['pickup_datetime', '2021-02-30T08:15:00'],
  ])('refuses %s %p', async (member, value) => {
    const { status, body } = await api.submit({ input: { ...TRIP, [member]: value } });
    expect([status, body.errors[0].pointer]).toEqual([422, `#/input/${member}`]);
  });

  it.each(['2021-02-01T08:15:00', '2021-02-01T08:15:00-05:00', '2021-02-01T08:15:00Z'])(
    'takes the pick-up time %s',
    async (pickup_datetime) => {
      expect((await api.submit({ input: { ...TRIP, pickup_datetime } })).status).toBe(202);
    },
  );

  it.each([['[]'], ['"text"'], ['null'], ['7'], ['{}']])('refuses the whole body %s', async (text) => {
    const headers = { 'Content-Type': 'application/json' };
    const { status, body } = await api.submit(text, headers);
    expect(status).toBe(422);
    expect(body.errors[0].pointer).toMatch(/^#(\/input)?$/);
  });

  it.each([
    [{ input: TRIP, timeout_ms: 600_001 }, '#/timeout_ms'],
    [{ input: TRIP, request_id: '' }, '#/request_id'],
    [{ input: TRIP, request_id: 5 }, '#/request_id'],
    [{ input: TRIP, expires_in_ms: 0 }, '#/expires_in_ms'],
    [{ input: TRIP, model: 5 }, '#/model'],
    [{ input: [] }, '#/input'],
  ])('refuses %j', async (sent, pointer) => {
    const { status, body } = await api.submit(sent);
    expect([status, body.errors[0].pointer]).toEqual([422, pointer]);
  });

  it('does not answer a thousand unknown members with a thousand lines', async () => {
    const strangers = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`m${i}`, i]));
    expect((await api.submit({ input: TRIP, ...strangers })).body.errors).toHaveLength(100);
  });
});

describe('what is refused before it is looked at', () => {
  const asJson = { 'Content-Type': 'application/json' };

  it.each(['{"input":', '', 'input=1', '{"a":1}}'])('answers 400 to the body %j', async (text) => {
    const { status, body } = await api.submit(text, asJson);
    expect([status, body.type]).toEqual([400, '/problems/malformed-json']);
  });

  it('answers 400 to bytes that are no UTF-8', async () => {
    const body = Buffer.concat([
      Buffer.from('{"request_id":"'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"}'),
    ]);
    const response = await fetch(`${api.url}/jobs`, { method: 'POST', headers: asJson, body });
    expect(response.status).toBe(400);
  });

  it('answers 413 to a body over the limit, with and without its length in front', async () => {
    const large = JSON.stringify({ input: TRIP, request_id: 'x'.repeat(70_000) });
    expect((await api.submit(large, asJson)).status).toBe(413);
    const stream = new ReadableStream({
      start(controller) {
        for (let i = 0; i < large.length; i += 10_000) {
          controller.enqueue(Buffer.from(large.slice(i, i + 10_000)));
        }
        controller.close();
      },
    });
    const init: RequestInit & { duplex: 'half' } = {
      method: 'POST',
      headers: asJson,
      body: stream,
      duplex: 'half',
    };
    expect((await fetch(`${api.url}/jobs`, init)).status).toBe(413);
  });

  it.each<Headers>([
    { 'Content-Type': 'text/plain' },
    { 'Content-Type': 'application/x-www-form-urlencoded' },
    { 'Content-Type': 'application/json; charset=latin1' },
    { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' },
  ])('answers 415 to %j', async (headers) => {
    const response = await api.submit('{}', headers);
    expect([response.status, response.body.type]).toEqual([415, '/problems/unsupported-media-type']);
  });

  it.each(['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])(
    'takes %s',
    async (type) => {
      expect((await api.submit(JSON.stringify({ input: TRIP }), { 'Content-Type': type })).status).toBe(202);
    },
  );

  it('answers 404 to an unknown model', async () => {
    const { status, body } = await api.submit({ input: TRIP, model: 'weather' });
    expect([status, body.type]).toEqual([404, '/problems/model-not-found']);
  });

  it('answers 503 with Retry-After to a full queue, and accepts nothing', () =>
    onItsOwn(
      async (own) => {
        for (let i = 0; i < 3; i += 1) expect((await own.submit({ input: TRIP })).status).toBe(202);
        const { status, body, headers } = await own.submit({ input: TRIP });
        expect([status, body.type]).toEqual([503, '/problems/queue-full']);
        expect(headers['retry-after']).toMatch(/^[1-9]\d*$/);
        expect((await own.call('get', '/jobs')).body.jobs).toHaveLength(3);
        expect((await own.submit({ model: SHOP, input: { size: 's' } })).status).toBe(202);
      },
      { MAX_QUEUE_DEPTH: '3' },
    ));

  it('answers 503 while the process drains, and ends the connection', () =>
    onItsOwn(async (own) => {
      own.drain();
      const { status, body, headers } = await own.submit({ input: TRIP });
      expect([status, body.type, headers['retry-after']]).toEqual([503, '/problems/draining', '1']);
      expect(headers['connection']).toBe('close');
    }));
});

it('refuses half of a surrogate pair, which no answer could give back, and takes whole ones', async () => {
  const broken = {
    pointer: '#/request_id',
    detail: 'must be well-formed Unicode: it has half of a surrogate pair',
  };
  const text = { 'Content-Type': 'application/json' };
  for (const half of ['\\ud83d', 'a\\udca8b', '\\udca8\\ud83d']) {
    const nested = await api.submit(`{"input":${JSON.stringify(TRIP)},"request_id":"${half}"}`, text);
    expect([nested.status, nested.body.errors]).toEqual([422, [broken]]);
    const flat = await api.submit(`{"request_id":"${half}",${JSON.stringify(TRIP).slice(1)}`, text);
    expect([flat.status, flat.body.errors]).toEqual([422, [broken]]);
  }
  const whole = await api.submit({ input: TRIP, request_id: 'a 💨 b' });
  expect([whole.status, whole.body.request_id]).toEqual([202, 'a 💨 b']);
});

it('holds what a submission asks for, and what it means unasked, within the bounds of the operator', async () => {
  await onItsOwn(
    async (own) => {
      const { body } = await own.submit({ input: TRIP, timeout_ms: 5_001, max_attempts: 3 });
      expect(body).toMatchObject({
        type: '/problems/validation-failed',
        errors: [
          { pointer: '#/timeout_ms', detail: 'must be <= 5000' },
          { pointer: '#/max_attempts', detail: 'must be <= 2' },
        ],
      });
      expect((await own.submit({ input: TRIP, timeout_ms: 5_000, max_attempts: 2 })).status).toBe(202);
      const { id } = (await own.submit({ input: TRIP })).body;
      const job = await own.worker.claim(id);
      expect([job.record.timeoutMs, job.record.maxAttempts]).toEqual([5_000, 2]);
      const calling = own.call('post', '/v1/trip/predict', { body: { request_id: '1', ...TRIP } });
      const called = await until(
        async () => (await own.call('get', '/jobs?request_id=1')).body.jobs[0] as { id: string } | undefined,
      );
      const same = await own.worker.claim(called.id);
      expect([same.record.timeoutMs, same.record.maxAttempts]).toEqual([5_000, 2]);
      await own.worker.leases.commit(
        { queue: LINEAR, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 1 },
        [{ job: same, verdict: { ok: true, result: { duration: 1 } } }],
      );
      expect((await calling).body).toEqual({ reply_code: 0, duration: 1 });
      const { components } = (await own.call('get', '/openapi.json')).body;
      expect(components.schemas.DefaultSubmission.properties).toMatchObject({
        timeout_ms: { maximum: 5_000, default: 5_000 },
        max_attempts: { maximum: 2, default: 2 },
      });
    },
    { MAX_TIMEOUT_MS: '5000', MAX_ATTEMPTS: '2', REDIS_TIMEOUT_MS: '30000' },
  );
});
