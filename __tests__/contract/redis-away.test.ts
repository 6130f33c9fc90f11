import { until } from '../support/latch.js';
import { type ApiRig, TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { LINEAR } from '../support/rigs/models-folder.js';

/** Far from both: how long a busy machine takes for a request, and how long one would hang. */
const TIMEOUT_MS = 1_500;
const IN_TIME_MS = 10_000;

const env = { REDIS_TIMEOUT_MS: String(TIMEOUT_MS) };
const api = useApiRig({ redis: { appendOnly: true }, env });
let id: string;
let unwanted: string;
beforeEach(async () => {
  id = await accepted();
  unwanted = await accepted();
});

/** The id of a job that is submitted as soon as that is possible. */
async function accepted(): Promise<string> {
  const response = await until(async () => {
    const answer = await api.submit({ input: TRIP });
    return answer.status === 202 && answer;
  });
  return response.body.id as string;
}

/** Every kind of request. */
const REQUESTS: [string, () => ReturnType<ApiRig['call']>][] = [
  ['a submission', () => api.submit({ input: TRIP })],
  ['a submission that waits', () => api.submit({ input: TRIP }, { Prefer: 'wait=30' })],
  ['a poll', () => api.poll(id)],
  ['a long poll', () => api.poll(id, { Prefer: 'wait=30' })],
  ['a list', () => api.call('get', '/jobs')],
  ['a cancel', () => api.call('delete', `/jobs/${unwanted}`)],
  ['a replay', () => api.call('post', `/jobs/${unwanted}/replay`)],
  ['the original call', () => api.call('post', '/v1/trip/predict', { body: { request_id: '9', ...TRIP } })],
];

/** What each request is answered with, and whether that took no longer than it may. */
const answers = () =>
  Promise.all(
    REQUESTS.map(async ([what, send]) => {
      const startedMs = performance.now();
      const { status, body, headers } = await send();
      const inTime = performance.now() - startedMs < IN_TIME_MS;
      return { what, status, type: body.type, retryAfter: headers['retry-after'], inTime };
    }),
  );

const refusals = REQUESTS.map(([what]) => ({
  what,
  status: 503,
  type: '/problems/redis-unavailable',
  retryAfter: '1',
  inTime: true,
}));

/** The end of a job that is submitted as soon as that is possible again, by long poll. */
async function endOfNextJob(): Promise<unknown> {
  const next = await accepted();
  const waiting = api.poll(next, { Prefer: 'wait=30' });
  await until(() => api.ctx.waiters.size > 0);
  await api.worker.succeed(next);
  return (await waiting).body.status;
}

it('answers 503 when its time is over while Redis is killed, and goes on when it is back', async () => {
  await api.server.kill();
  expect(await answers()).toEqual(refusals);
  await api.server.restart();
  expect(await endOfNextJob()).toBe('succeeded');
  expect((await api.poll(id)).body.status).toBe('queued');
});

it('answers 503 when its time is over while Redis hangs, and goes on when it answers again', async () => {
  api.server.freeze();
  expect(await answers()).toEqual(refusals);
  api.server.thaw();
  expect(await endOfNextJob()).toBe('succeeded');
  expect((await api.poll(id)).body.status).toBe('queued');
});

it('is alive and not ready meanwhile, and knows its models', async () => {
  await api.server.kill();
  const ready = await api.call('get', '/health/ready');
  expect([ready.status, ready.body.checks.redis.ok]).toEqual([503, false]);
  expect((await api.call('get', '/health/live')).status).toBe(200);
  expect((await api.call('get', '/models')).body.models[0]).not.toHaveProperty('workers');
  await api.server.restart();
});

it('tells those who submit to repeat with an Idempotency-Key', async () => {
  await api.server.kill();
  expect((await api.submit({ input: TRIP })).body.detail).toContain('Idempotency-Key');
  await api.server.restart();
});

it('answers an accepted job as accepted when Redis leaves while it is waited for', async () => {
  const waiting = api.submit({ input: TRIP }, { Prefer: 'wait=30' });
  await until(() => api.ctx.waiters.size > 0);
  const { records } = api.ctx.partitions.home;
  await until(
    async () => Number(await records.redis.command(['ZCARD', records.key(`queued:${LINEAR}:normal`)])) === 3,
  );
  // Takes the same two connections: when it is accepted, the answers to the first have come.
  await accepted();
  await api.server.kill();
  const { status, body } = await waiting;
  expect([status, body.status]).toEqual([202, 'queued']);
  await api.server.restart();
});
