import { connect } from 'node:net';
import { once } from 'node:events';
import { v7 as uuidv7 } from 'uuid';
import { type Headers, TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { LINEAR } from '../support/rigs/models-folder.js';

const SECRETS = { ann: 'ann-secret-0123456789', bob: 'bob-secret-0123456789', ops: 'ops-secret-0123456789' };
const API_KEYS = `ann:${SECRETS.ann},bob:${SECRETS.bob},ops:${SECRETS.ops}:admin`;
type Name = keyof typeof SECRETS;

const api = useApiRig({ env: { API_KEYS } });

const as = (name: Name, more: Headers = {}): Headers => ({
  Authorization: `Bearer ${SECRETS[name]}`,
  ...more,
});
const submitted = async (name: Name, more: object = {}): Promise<string> =>
  (await api.submit({ input: TRIP, ...more }, as(name))).body.id;

type Call = readonly ['get' | 'post' | 'delete', string];
const id = uuidv7();
const CLOSED: Call[] = [
  ['post', '/jobs'],
  ['get', '/jobs'],
  ['get', `/jobs/${id}`],
  ['delete', `/jobs/${id}`],
  ['post', `/jobs/${id}/replay`],
  ['post', '/batches'],
  ['get', '/batches'],
  ['get', `/batches/${id}`],
  ['get', `/batches/${id}/results`],
  ['delete', `/batches/${id}`],
  ['post', '/v1/trip/predict'],
  ['get', `/jobs/${id}/events`],
  ['get', '/stats'],
  ['get', '/stats/stream'],
  ['get', '/metrics'],
  ['get', '/models'],
  ['get', `/models/${LINEAR}`],
];
const OPEN: Call[] = [
  ['get', '/health'],
  ['get', '/health/live'],
  ['get', '/health/ready'],
  ['get', '/openapi.json'],
  ['get', '/docs'],
  ['get', '/docs/start.js'],
  ['get', '/dashboard'],
  ['get', '/problems/unauthorized'],
];

it.each(CLOSED)('%s %s wants a key', async (method, path) => {
  const { status, body, headers } = await api.call(method, path);
  expect([status, body.type]).toEqual([401, '/problems/unauthorized']);
  expect(headers).toMatchObject({
    'www-authenticate': 'Bearer realm="waggle"',
    'content-type': 'application/problem+json',
    'x-request-id': expect.any(String),
  });
});

it.each(OPEN)('%s %s is for everybody', async (method, path) => {
  expect((await api.call(method, path)).status).toBe(200);
});

it.each([
  ['another secret', 'Bearer nobody-s-secret'],
  ['a secret cut short', `Bearer ${SECRETS.ann.slice(0, -1)}`],
  ['a secret and more', `Bearer ${SECRETS.ann}x`],
  ['another scheme', `Basic ${SECRETS.ann}`],
  ['no secret', 'Bearer '],
  ['two secrets', `Bearer ${SECRETS.ann} ${SECRETS.bob}`],
  ['the bare secret', SECRETS.ann],
])('refuses %s', async (_, authorization) => {
  const { status, headers } = await api.call('get', '/jobs', { headers: { Authorization: authorization } });
  expect([status, headers['www-authenticate']]).toEqual([
    401,
    'Bearer realm="waggle", error="invalid_token"',
  ]);
});

it.each(['Bearer', 'bearer', 'BEARER'])('takes the scheme as %s', async (scheme) => {
  const headers = { Authorization: `${scheme} ${SECRETS.ann}` };
  expect((await api.call('get', '/jobs', { headers })).status).toBe(200);
});

it('refuses before it has read the body', async () => {
  const { port, hostname } = new URL(api.url);
  const socket = connect(Number(port), hostname);
  socket.write(
    'POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{',
  );
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 401 /);
  socket.destroy();
});

it('tells a stranger of a path that there is none, and of a method that it is the wrong one', async () => {
  expect((await api.call('get', '/nowhere')).status).toBe(404);
  expect((await api.call('delete', '/jobs')).status).toBe(405);
});

it('says in the OpenAPI document what needs a key', async () => {
  const { body } = await api.call('get', '/openapi.json');
  expect(body.components.securitySchemes.key).toMatchObject({ type: 'http', scheme: 'bearer' });
  expect(body.security).toEqual([{ key: [] }]);
  expect(body.paths['/health'].get.security).toEqual([]);
  expect(body.paths['/jobs'].post.security).toBeUndefined();
});

it('keeps what one caller made findable by request id, however many others make of the same', async () => {
  const request_id = uuidv7();
  const mine = await submitted('ann', { request_id });
  const { intake } = api.ctx.partitions.home;
  const common = { model: LINEAR, timeoutMs: 1, maxAttempts: 1, resultTtlMs: 60_000, queueTtlMs: 60_000 };
  const flood = Array.from({ length: 1_001 }, () =>
    intake.create({ ...common, id: uuidv7(), owner: 'bob', requestId: request_id, input: {} }, 10_000),
  );
  await Promise.all(flood);
  const { body } = await api.call('get', `/jobs?request_id=${request_id}`, { headers: as('ann') });
  expect(body.jobs.map((job: { id: string }) => job.id)).toEqual([mine]);
});
