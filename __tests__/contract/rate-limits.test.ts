import { startRedis, type TestRedis } from '../support/redis.js';
import { testPrefix } from '../support/redis.js';
import { type ApiBench, openApiBench, TRIP } from './bench.js';

let server: TestRedis;
const open: ApiBench[] = [];
beforeAll(async () => {
  server = await startRedis();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((api) => api.close()));
});
afterAll(() => server.stop());

async function limited(env: Record<string, string>): Promise<ApiBench> {
  const api = await openApiBench(server, { env });
  open.push(api);
  return api;
}

it('answers 429 past the limit, and says when to come again', async () => {
  const api = await limited({ RATE_LIMIT: '2/60' });
  const answers = [1, 2, 3].map(() => () => api.submit({ input: TRIP }));
  const [first, second, third] = [await answers[0]?.(), await answers[1]?.(), await answers[2]?.()];
  expect([first?.status, second?.status, third?.status]).toEqual([202, 202, 429]);
  expect(first?.headers['ratelimit']).toMatch(/^"submits"; r=1; t=\d+$/);
  expect(first?.headers['ratelimit-policy']).toMatch(/^"submits"; q=2; w=60(;|$)/);
  expect(third?.body.type).toBe('/problems/rate-limited');
  expect(Number(third?.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  expect(third?.headers['ratelimit']).toMatch(/^"submits"; r=0; t=\d+$/);
});

it('gives polling a bucket of its own, ten times as deep', async () => {
  const api = await limited({ RATE_LIMIT: '1/60' });
  const { id } = (await api.submit({ input: TRIP })).body;
  expect((await api.submit({ input: TRIP })).status).toBe(429);
  const polls = await Promise.all(Array.from({ length: 11 }, () => api.poll(id)));
  expect(polls.filter(({ status }) => status === 200)).toHaveLength(10);
  expect(polls.filter(({ status }) => status === 429)).toHaveLength(1);
  expect((await api.call('delete', `/jobs/${id}`)).status).toBe(429);
});

it('never limits what is for everybody', async () => {
  const api = await limited({ RATE_LIMIT: '1/60' });
  for (let i = 0; i < 15; i += 1) {
    const { status, headers } = await api.call('get', '/health/ready');
    expect([status, headers['ratelimit']]).toEqual([200, undefined]);
  }
});

it('counts over all processes, and each caller apart', async () => {
  const KEY_PREFIX = testPrefix();
  const env = { RATE_LIMIT: '2/60', API_KEYS: 'ann:ann-secret,bob:bob-secret', KEY_PREFIX };
  const apis = [await limited(env), await limited(env)];
  const submit = (which: number, name: string) =>
    apis[which]?.submit({ input: TRIP }, { Authorization: `Bearer ${name}-secret` });
  const statuses = [];
  for (const [which, name] of [
    [0, 'ann'],
    [1, 'ann'],
    [0, 'ann'],
    [1, 'ann'],
    [1, 'bob'],
  ] as const) {
    statuses.push((await submit(which, name))?.status);
  }
  expect(statuses).toEqual([202, 202, 429, 429, 202]);
});

it('holds strangers back by their address, and nobody else with them', async () => {
  const api = await limited({ RATE_LIMIT: '2/60', API_KEYS: 'ann:ann-secret', TRUST_PROXY: '1' });
  const from = (address: string, secret = 'guess') =>
    api.call('get', '/jobs', {
      headers: { Authorization: `Bearer ${secret}`, 'X-Forwarded-For': address },
    });
  const guesses = [await from('10.0.0.1'), await from('10.0.0.1'), await from('10.0.0.1')];
  expect(guesses.map(({ status }) => status)).toEqual([401, 401, 429]);
  expect((await from('10.0.0.2')).status).toBe(401);
  expect((await from('10.0.0.1', 'ann-secret')).status).toBe(200);
});

it('begins anew when the window is over, and leaves nothing in Redis', async () => {
  const api = await limited({ RATE_LIMIT: '1/1' });
  expect((await api.submit({ input: TRIP })).status).toBe(202);
  const refused = await api.submit({ input: TRIP });
  expect(refused.status).toBe(429);
  const { records } = api.ctx;
  const keys = await records.redis.command(['KEYS', records.key('limit:*')]);
  expect(keys).toHaveLength(1);
  const leftMs = Number(await records.redis.command(['PTTL', String(Array.isArray(keys) && keys[0])]));
  expect(leftMs).toBeLessThanOrEqual(1_000);
  await new Promise((resolve) => setTimeout(resolve, Math.max(leftMs, 0) + 5));
  expect((await api.submit({ input: TRIP })).status).toBe(202);
});

it('still counts after Redis has forgotten its scripts', async () => {
  const api = await limited({ RATE_LIMIT: '5/60' });
  await api.submit({ input: TRIP });
  await api.ctx.records.redis.command(['SCRIPT', 'FLUSH']);
  expect((await api.submit({ input: TRIP })).headers['ratelimit']).toMatch(/r=3;/);
});

it('answers 503 in time while it cannot count', async () => {
  const redis = await startRedis();
  const api = await openApiBench(redis, { env: { RATE_LIMIT: '5/60' } });
  await api.submit({ input: TRIP });
  redis.freeze();
  const startMs = performance.now();
  const { status, body } = await api.submit({ input: TRIP });
  expect([status, body.type]).toEqual([503, '/problems/redis-unavailable']);
  expect(performance.now() - startMs).toBeLessThan(1_000);
  redis.thaw();
  await api.close();
  await redis.stop();
});
