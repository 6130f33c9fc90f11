import { type ApiRig, TRIP, useApiRigs } from '../support/rigs/api-rig.js';
import { LINEAR } from '../support/rigs/models-folder.js';

const open = useApiRigs();
const limited = (env: Record<string, string>): Promise<ApiRig> => open({ env });

const TWO = { RATE_LIMIT: '2/60', API_KEYS: 'ann:ann-secret,bob:bob-secret', TRUST_PROXY: '1' };

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
  const one = await limited(TWO);
  const apis = [one, await limited({ ...TWO, KEY_PREFIX: one.ctx.config.redis.keyPrefix })];
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
  const api = await limited(TWO);
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
  const { records } = api.ctx.partitions.home;
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
  await api.ctx.partitions.home.records.redis.command(['SCRIPT', 'FLUSH']);
  expect((await api.submit({ input: TRIP })).headers['ratelimit']).toMatch(/r=3;/);
});

it('answers 503 when its time is over while it cannot count', async () => {
  const api = await limited({ RATE_LIMIT: '5/60', REDIS_TIMEOUT_MS: '300' });
  api.server.freeze();
  const { status, body } = await api.submit({ input: TRIP });
  api.server.thaw();
  expect([status, body.type]).toEqual([503, '/problems/redis-unavailable']);
});

describe('rows of a batch', () => {
  const upload = (api: ApiRig, rows: number) =>
    api.call('post', `/batches?model=${LINEAR}`, {
      body: { inputs: Array.from({ length: rows }, () => TRIP) },
    });
  const env = { CHUNK_ROWS: '64', REDIS_TIMEOUT_MS: '30000' };

  it('count as a prediction each, and what does not fit leaves nothing running', async () => {
    const api = await limited({ RATE_LIMIT: '100/60', ...env });
    const refused = await upload(api, 150);
    expect([refused.status, refused.body.type]).toEqual([429, '/problems/batch-over-rate-limit']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    // One chunk was taken before the next was too many.
    expect(refused.headers['ratelimit']).toMatch(/^"submits"; r=36; t=\d+$/);
    expect(refused.body.detail).toMatch(/36 are left now, and 100 in \d+ s/);
    const { batches } = (await api.call('get', '/batches')).body;
    expect(batches).toMatchObject([{ status: 'canceled', rows: { total: 64 } }]);
    const { records } = api.ctx.partitions.home;
    expect(await records.redis.command(['ZCARD', records.key(`queued:${LINEAR}.chunks`)])).toBe(0);

    const fits = await upload(api, 36);
    expect([fits.status, fits.headers['ratelimit']]).toEqual([202, expect.stringMatching(/r=0;/)]);
    expect((await api.submit({ input: TRIP })).status).toBe(429);
  });

  it('of a batch as large as the limit may come, and are refused unread once nothing is left', async () => {
    const api = await limited({ RATE_LIMIT: '100/60', ...env });
    expect((await upload(api, 100)).status).toBe(202);
    const second = await upload(api, 1);
    expect([second.status, second.body.type]).toEqual([429, '/problems/rate-limited']);
    expect((await api.call('get', '/batches')).body.batches).toHaveLength(1);
  });
});

it('takes an address for one caller, whatever port a proxy says beside it', async () => {
  const api = await limited({ RATE_LIMIT: '3/60', TRUST_PROXY: '1', REDIS_TIMEOUT_MS: '30000' });
  const statuses = async (...addresses: string[]): Promise<number[]> => {
    const found = [];
    for (const address of addresses) {
      found.push((await api.submit({ input: TRIP }, { 'X-Forwarded-For': address })).status);
    }
    return found;
  };
  expect(await statuses('1.2.3.4:5678', '1.2.3.4', '1.2.3.4:9', '1.2.3.4:10')).toEqual([202, 202, 202, 429]);
  expect(await statuses('[2001:db8::1]:99', '2001:db8::1', '[2001:db8::1]', '[2001:db8::1]:1')).toEqual([
    202, 202, 202, 429,
  ]);
});
