import { Sweeper } from '../../api/sweeper.js';
import { SweepStore } from '../../shared/jobs/sweep-store.js';
import { until } from '../support/latch.js';
import { silentLog } from '../support/silent-log.js';
import { type ApiRig, openApiRig, TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { LINEAR } from '../support/rigs/models-folder.js';

const api = useApiRig({ env: { RESULT_TTL_MS: '1000' } });

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
  expect(all.map(({ status }) => status)).toEqual(Array(20).fill(202));
  expect(new Set(all.map(({ body }) => body.id)).size).toBe(1);
  expect(all.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
});

it('makes a new job once the first one is gone', async () => {
  const key = newKey();
  const { body } = await submit(key);
  const { records } = api.ctx.partitions.home;
  await api.worker.succeed(body.id);
  await records.redis.command(['DEL', records.key(`job:${body.id}`)]);
  const again = await submit(key);
  expect(again.body.id).not.toBe(body.id);
  expect(again.headers).not.toHaveProperty('idempotency-replayed');
});

/** Names of all keys of a service in Redis. */
async function stored({
  ctx: {
    partitions: {
      home: { records },
    },
  },
}: ApiRig): Promise<string[]> {
  const names = await records.redis.command(['KEYS', records.key('*')]);
  return (Array.isArray(names) ? names : []).map(String);
}

/** How long what is kept of an Idempotency-Key lives, in ms; -1: for ever. */
async function lifeMs(rig: ApiRig, key: string): Promise<number> {
  const name = (await stored(rig)).find((one) => one.endsWith(`:${key}`));
  return Number(await rig.ctx.partitions.home.records.redis.command(['PTTL', name ?? '']));
}

it('keeps a key for as long as its job, 24 hours at most after the end', async () => {
  const long = await openApiRig(api.server, {
    env: { RESULT_TTL_MS: String(72 * 3_600_000), REDIS_TIMEOUT_MS: '10000' },
  });
  const ended = async (rig: ApiRig): Promise<number> => {
    const key = newKey();
    const { body } = await rig.submit({ input: TRIP }, { 'Idempotency-Key': key });
    expect(await lifeMs(rig, key)).toBe(-1);
    await rig.worker.succeed(body.id);
    return lifeMs(rig, key);
  };
  const lives = [await ended(api), await ended(long)];
  await long.close();
  expect(Math.ceil((lives[0] ?? 0) / 1_000)).toBe(1);
  expect(Math.ceil((lives[1] ?? 0) / 3_600_000)).toBe(24);
});

it('leaves nothing of keyed jobs and batches in Redis once their results have expired', async () => {
  const short = await openApiRig(api.server, { env: { RESULT_TTL_MS: '1000', REDIS_TIMEOUT_MS: '10000' } });
  const { records } = short.ctx.partitions.home;
  const send = async (method: string, path: string, body?: object) => {
    const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': newKey() };
    const answer = await fetch(short.url + path, { method, headers, body: JSON.stringify(body) });
    const { id } = (await answer.json()) as { id: string };
    return { status: answer.status, id };
  };
  const jobs = await Promise.all(Array.from({ length: 200 }, () => send('POST', '/jobs', { input: TRIP })));
  expect(new Set(jobs.map(({ status }) => status))).toEqual(new Set([202]));
  const batch = await send('POST', '/batches', { inputs: [TRIP] });
  for (const [i, { id }] of jobs.entries()) {
    if (i % 2 === 0) await short.worker.succeed(id);
    else await send('DELETE', `/jobs/${id}`);
  }
  await send('DELETE', `/batches/${batch.id}`);
  const sweeper = new Sweeper({
    sweep: new SweepStore(records),
    models: () => [LINEAR],
    log: silentLog,
  });
  await until(async () => {
    await sweeper.pass();
    const left = await stored(short);
    // The numbers of the model, and of its last minute and seconds.
    return left.every((name) =>
      /:(schema|token|calls|counts|minute:.+|done:.+|claim:.+|clock:.+|bq:.+)$/.test(name),
    );
  });
  await short.close();
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
