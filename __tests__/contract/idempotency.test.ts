import { startRedis, type TestRedis } from '../support/redis.js';
import { type ApiBench, LINEAR, openApiBench, TRIP } from './bench.js';

let server: TestRedis;
let api: ApiBench;
beforeAll(async () => {
  server = await startRedis();
  api = await openApiBench(server, { env: { RESULT_TTL_MS: '1000' } });
});
afterAll(async () => {
  await api.close();
  await server.stop();
});

let keys = 0;
const newKey = (): string => `key-${(keys += 1)}`;
const submit = (key: string, body: object = { input: TRIP }, more: Record<string, string> = {}) =>
  api.submit(body, { 'Idempotency-Key': key, ...more });

it('answers the same request again with the first job', async () => {
  const key = newKey();
  const first = await submit(key);
  const again = await submit(key);
  expect([again.status, again.body.id]).toEqual([202, first.body.id]);
  expect(first.headers).not.toHaveProperty('idempotency-replayed');
  expect(again.headers).toMatchObject({
    'idempotency-replayed': 'true',
    location: `/jobs/${first.body.id}`,
    'retry-after': expect.stringMatching(/^[1-9]\d*$/),
  });
});

it('shows the first job as it is now, running or ended, with the status of a first call', async () => {
  const key = newKey();
  const { body } = await submit(key);
  await api.worker.claim(body.id);
  expect((await submit(key)).body.status).toBe('running');
  const ended = newKey();
  const { body: other } = await submit(ended);
  await api.worker.succeed(other.id);
  const replay = await submit(ended);
  expect([replay.status, replay.body.status, replay.body.id]).toEqual([202, 'succeeded', other.id]);
  const waited = await submit(ended, { input: TRIP }, { Prefer: 'wait=5' });
  expect([waited.status, waited.body.status]).toEqual([200, 'succeeded']);
});

it('waits for the first job when the repeated request wants that', async () => {
  const key = newKey();
  const { body } = await submit(key);
  const waiting = submit(key, { input: TRIP }, { Prefer: 'wait=30' });
  await api.worker.succeed(body.id);
  const { status, headers } = await waiting;
  expect([status, headers['idempotency-replayed']]).toEqual([200, 'true']);
});

it('takes a quoted key and a bare one for the same', async () => {
  const key = newKey();
  const first = await submit(key);
  expect((await submit(`"${key}"`)).body.id).toBe(first.body.id);
});

it('takes the flat body and the nested one, members in any order, for the same', async () => {
  const key = newKey();
  const first = await submit(key, { input: TRIP, request_id: 'r' });
  const { PULocationID, DOLocationID, trip_distance } = TRIP;
  const again = await submit(key, { trip_distance, request_id: 'r', DOLocationID, PULocationID });
  expect(again.body.id).toBe(first.body.id);
});

it.each([
  ['another input', { input: { ...TRIP, trip_distance: 4 } }],
  ['another option', { input: TRIP, timeout_ms: 5 }],
  ['another request id', { input: TRIP, request_id: 'r' }],
])('answers 422 to the same key with %s', async (_what, body) => {
  const key = newKey();
  await submit(key);
  const { status, body: problem } = await submit(key, body);
  expect([status, problem.type]).toEqual([422, '/problems/idempotency-key-reused']);
});

it('makes one job of many requests at once', async () => {
  const key = newKey();
  const all = await Promise.all(Array.from({ length: 20 }, () => submit(key)));
  expect(new Set(all.map(({ body }) => body.id)).size).toBe(1);
  expect(all.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
});

it('makes a new job once the first one is gone', async () => {
  const key = newKey();
  const { body } = await submit(key);
  const { records } = api.ctx;
  await api.worker.succeed(body.id);
  await records.redis.command(['DEL', records.key(`job:${body.id}`)]);
  const again = await submit(key);
  expect(again.body.id).not.toBe(body.id);
  expect(again.headers).not.toHaveProperty('idempotency-replayed');
});

it('keeps a key for 24 hours', async () => {
  const key = newKey();
  await submit(key);
  const { records } = api.ctx;
  const leftMs = Number(await records.redis.command(['PTTL', records.key(`idem::${key}`)]));
  expect(leftMs).toBeGreaterThan(24 * 3_600_000 - 60_000);
  expect(leftMs).toBeLessThanOrEqual(24 * 3_600_000);
});

it.each(['', '""', 'two words', '"open', 'x'.repeat(256), 'a, b'])(
  'answers 400 to the key %j',
  async (key) => {
    const { status, body } = await submit(key);
    expect([status, body.type]).toEqual([400, '/problems/idempotency-key-malformed']);
  },
);

it('does not spend a key on a request that is refused', async () => {
  const key = newKey();
  expect((await submit(key, { input: {} })).status).toBe(422);
  expect((await submit(key)).body).toMatchObject({ status: 'queued', model: LINEAR });
});
