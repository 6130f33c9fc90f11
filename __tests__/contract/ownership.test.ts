import type { Response } from 'supertest';
import { v7 as uuidv7 } from 'uuid';
import { type Headers, openApiRig, TRIP, useApiRig } from '../support/rigs/api-rig.js';

const API_KEYS = 'ann:secret-of-ann-0123456,bob:secret-of-bob-0123456,ops:secret-of-ops-0123456:admin';
const as = (name: 'ann' | 'bob' | 'ops', more: Headers = {}): Headers => ({
  Authorization: `Bearer secret-of-${name}-0123456`,
  ...more,
});

const api = useApiRig({ env: { API_KEYS } });

const submitted = async (name: 'ann' | 'bob' | 'ops', more: object = {}): Promise<string> =>
  (await api.submit({ input: TRIP, ...more }, as(name))).body.id;
const uploaded = async (name: 'ann' | 'bob' | 'ops', headers: Headers = {}): Promise<Response> =>
  api.call('post', '/batches', { body: { inputs: [TRIP] }, headers: as(name, headers) });
const idsOf = (response: Response): string[] =>
  (response.body.jobs ?? response.body.batches).map(({ id }: { id: string }) => id);

const JOB_ROUTES: ['get' | 'post' | 'delete', string, Headers][] = [
  ['get', '', {}],
  ['get', '', { Prefer: 'wait=30' }],
  ['get', '', { 'If-None-Match': '*' }],
  ['delete', '', {}],
  ['post', '/replay', {}],
];
const BATCH_ROUTES: typeof JOB_ROUTES = [
  ['get', '', {}],
  ['get', '', { Prefer: 'wait=30' }],
  ['get', '/results', {}],
  ['get', '/results', { Accept: 'text/csv' }],
  ['delete', '', {}],
];

/** What an answer says, but for the id that it was asked for. */
const told = ({ status, body, headers }: Response, id: string): string => {
  const { 'x-request-id': _request, date: _date, ...rest } = headers;
  return JSON.stringify([status, body, rest]).replaceAll(id, 'ID');
};

describe.each([
  ['/jobs/', JOB_ROUTES, () => submitted('ann')],
  ['/batches/', BATCH_ROUTES, async () => (await uploaded('ann')).body.id as string],
])('%s of somebody else', (base, routes, make) => {
  it.each(routes)('is as unknown to %s %s %j as one that never was', async (method, path, headers) => {
    const [id, unknown] = [await make(), uuidv7()];
    const ask = (which: string) =>
      api.call(method, `${base}${which}${path}`, { headers: as('bob', headers) });
    const answer = await ask(id);
    expect(answer.status).toBe(404);
    expect(told(answer, id)).toBe(told(await ask(unknown), unknown));
    expect((await api.call('get', `${base}${id}`, { headers: as('ann') })).body.status).toBe('queued');
  });
});

it('lists to each their own, and everybody’s to an admin', async () => {
  const [anns, bobs, opss] = [await submitted('ann'), await submitted('bob'), await submitted('ops')];
  const batch = (await uploaded('ann')).body.id;
  const list = async (name: 'ann' | 'bob' | 'ops', path: string) =>
    idsOf(await api.call('get', path, { headers: as(name) }));
  for (const query of ['', '?status=queued', '?status=queued&status=failed', '?limit=200']) {
    expect(await list('ann', `/jobs${query}`)).toEqual([anns]);
    expect(await list('bob', `/jobs${query}`)).toEqual([bobs]);
    expect(await list('ops', `/jobs${query}`)).toEqual([opss, bobs, anns]);
  }
  await api.worker.claim(anns);
  expect(await list('ann', '/jobs?status=running')).toEqual([anns]);
  expect(await list('bob', '/jobs?status=running')).toEqual([]);
  expect(await list('ann', '/batches')).toEqual([batch]);
  expect(await list('bob', '/batches')).toEqual([]);
  expect(await list('ops', '/batches')).toEqual([batch]);
});

it('finds a request id among their own only, and among all for an admin', async () => {
  const [anns, bobs] = [
    await submitted('ann', { request_id: 'r' }),
    await submitted('bob', { request_id: 'r' }),
  ];
  const find = async (name: 'ann' | 'bob' | 'ops') =>
    idsOf(await api.call('get', '/jobs?request_id=r', { headers: as(name) }));
  expect([await find('ann'), await find('bob'), await find('ops')]).toEqual([[anns], [bobs], [bobs, anns]]);
});

it('keeps the Idempotency-Keys of callers apart', async () => {
  const key = { 'Idempotency-Key': 'k' };
  const first = await api.submit({ input: TRIP }, as('ann', key));
  const others = await api.submit({ input: { ...TRIP, trip_distance: 4 } }, as('bob', key));
  expect([others.status, others.headers['idempotency-replayed']]).toEqual([202, undefined]);
  expect((await api.submit({ input: TRIP }, as('ann', key))).body.id).toBe(first.body.id);
  const [batch, other] = [await uploaded('ann', key), await uploaded('bob', key)];
  expect(other.body.id).not.toBe(batch.body.id);
  expect((await uploaded('ann', key)).body.id).toBe(batch.body.id);
});

it('gives what the original call makes to its caller', async () => {
  const body = { request_id: '9', ...TRIP };
  const headers = as('ann', { Prefer: 'respond-async' });
  const { id } = (await api.call('post', '/v1/trip/predict', { body, headers })).body;
  expect((await api.poll(id, as('ann'))).status).toBe(200);
  expect((await api.poll(id, as('bob'))).status).toBe(404);
});

it('keeps ended jobs in the caches of their caller alone', async () => {
  const id = await submitted('ann');
  await api.worker.succeed(id);
  expect((await api.poll(id, as('ann'))).headers).toMatchObject({
    'cache-control': expect.stringMatching(/^private, /),
    vary: 'Prefer, Authorization',
  });
});

describe('an admin', () => {
  it('reads and cancels what belongs to others', async () => {
    const [id, batch] = [await submitted('ann'), (await uploaded('ann')).body.id];
    expect((await api.poll(id, as('ops'))).status).toBe(200);
    const results = await fetch(`${api.url}/batches/${batch}/results`, { headers: as('ops') });
    expect([results.status, await results.text()]).toEqual([200, '']);
    expect((await api.call('delete', `/jobs/${id}`, { headers: as('ops') })).status).toBe(200);
    expect((await api.call('delete', `/batches/${batch}`, { headers: as('ops') })).status).toBe(200);
    expect((await api.poll(id, as('ann'))).body.status).toBe('canceled');
  });

  it('replays it for its owner, under Idempotency-Keys of its own', async () => {
    const id = await submitted('ann');
    await api.call('delete', `/jobs/${id}`, { headers: as('ann') });
    const key = { 'Idempotency-Key': 'k' };
    const replay = (name: 'ann' | 'ops') =>
      api.call('post', `/jobs/${id}/replay`, { headers: as(name, key) });
    const again = await replay('ops');
    expect(again.status).toBe(202);
    expect((await replay('ops')).body.id).toBe(again.body.id);
    expect((await api.poll(again.body.id, as('ann'))).body.replay_of).toBe(id);
    expect((await api.poll(again.body.id, as('bob'))).status).toBe(404);
    expect((await replay('ann')).headers).not.toHaveProperty('idempotency-replayed');
  });

  it('alone sees what was made before there were keys', async () => {
    const KEY_PREFIX = api.ctx.config.redis.keyPrefix;
    const before = await openApiRig(api.server, { env: { KEY_PREFIX } });
    const { id } = (await before.submit({ input: TRIP, request_id: 'r' })).body;
    await before.close();
    expect((await api.poll(id, as('ops'))).status).toBe(200);
    expect((await api.poll(id, as('ann'))).status).toBe(404);
    const found = await api.call('get', '/jobs?request_id=r', { headers: as('ops') });
    expect(idsOf(found)).toEqual([id]);
  });
});
