import { openApiRig, TRIP, useApiRig } from '../support/rigs/api-rig.js';

const PAGE = 'https://app.example';
const api = useApiRig({ env: { CORS_ORIGIN: PAGE, API_KEYS: 'ann:ann-secret' } });

const preflight = (origin: string, url = api.url) =>
  fetch(`${url}/jobs`, {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'authorization,idempotency-key',
    },
  });

it('answers preflights of a page that may call, without a key', async () => {
  const { status, headers } = await preflight(PAGE);
  expect(status).toBe(204);
  expect(headers.get('access-control-allow-origin')).toBe(PAGE);
  expect(headers.get('access-control-allow-methods')).toBe('GET,HEAD,POST,DELETE');
  expect(headers.get('access-control-allow-headers')).toMatch(/Authorization.*Idempotency-Key/);
  expect(headers.get('vary')).toContain('Origin');
});

it('lets such a page read the answer and the headers that matter', async () => {
  const headers = { Origin: PAGE, Authorization: 'Bearer ann-secret' };
  const { status, headers: answered, body } = await api.submit({ input: TRIP }, headers);
  expect(status).toBe(202);
  expect(answered['access-control-allow-origin']).toBe(PAGE);
  for (const name of ['Location', 'Retry-After', 'ETag', 'RateLimit']) {
    expect(answered['access-control-expose-headers']).toContain(name);
  }
  expect((await api.poll(body.id, headers)).headers['vary']).toMatch(/Origin, Prefer/);
  expect((await api.call('get', '/jobs', { headers: { Origin: PAGE } })).headers).toMatchObject({
    'access-control-allow-origin': PAGE,
    vary: 'Origin',
  });
});

it('says nothing to pages of other origins', async () => {
  expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
});

it('is off unless it was asked for', async () => {
  const own = await openApiRig(api.server);
  const { status, headers } = await preflight(PAGE, own.url);
  expect([status, headers.get('allow')]).toEqual([204, 'POST, GET, HEAD, OPTIONS']);
  expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  await own.close();
});
