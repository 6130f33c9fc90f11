import { readApiConfig } from '../../api/config.js';

const read = (env: Record<string, string>) => readApiConfig(env, false);

it('has a default for everything', () => {
  expect(read({})).toMatchObject({
    listen: { host: '127.0.0.1', port: 8182 },
    bodyLimitBytes: 65_536,
    redis: { keyPrefix: '', timeoutMs: 800 },
    models: { dir: 'model', defaultName: undefined },
    jobs: { resultTtlMs: 86_400_000, maxQueueDepth: 100_000 },
    graceMs: 10_000,
    log: { level: 'info', dir: undefined, pretty: false },
  });
});

it('names every bad variable at once', () => {
  const env = { PORT: '99999', REDIS_URL: 'http://here', LOG_LEVEL: 'loud', MAX_QUEUE_DEPTH: '0' };
  expect(() => read(env)).toThrow(/PORT .*\n.*REDIS_URL .*\n.*MAX_QUEUE_DEPTH .*\n.*LOG_LEVEL /);
});

it.each(['127.0.0.1', 'localhost', '::1', '127.1.2.3'])(
  'listens on %s, which only this machine reaches',
  (HOST) => {
    expect(read({ HOST }).listen.host).toBe(HOST);
  },
);

it.each(['0.0.0.0', '::', '192.168.1.5', 'example.org', '127.0.0.1.example.org'])(
  'listens on %s only when told that everyone may call',
  (HOST) => {
    expect(() => read({ HOST })).toThrow('AUTH=none');
    expect(read({ HOST, AUTH: 'none' }).listen.host).toBe(HOST);
  },
);

it('does not take another AUTH for none', () => {
  expect(() => read({ AUTH: 'None' })).toThrow('AUTH must be none or unset');
});

describe('API_KEYS', () => {
  it('are names with secrets, and perhaps a role', () => {
    const { keys } = read({ API_KEYS: `ann:${'a'.repeat(16)}, ops:s3cret:admin`, HOST: '0.0.0.0' }).admission;
    expect(keys).toMatchObject([
      { name: 'ann', isAdmin: false, isWeak: false },
      { name: 'ops', isAdmin: true, isWeak: true },
    ]);
  });

  it('may have a weight and a lane, in any order', () => {
    const API_KEYS = 'ann:s3cret:lane=low:admin:weight=3,bob:other';
    expect(read({ API_KEYS }).admission.keys).toMatchObject([
      { isAdmin: true, weight: 3, lane: 'low' },
      { isAdmin: false, weight: 1, lane: undefined },
    ]);
  });

  it.each([
    ['ann:hush:weight=0', 'entry 1 needs a weight that is a whole number from 1 to 100'],
    ['ann:hush:weight=1.5', 'entry 1 needs a weight that is a whole number from 1 to 100'],
    ['ann:hush:weight=2=3', 'entry 1 needs a weight that is a whole number from 1 to 100'],
    ['ann:hush:weight=101', 'entry 1 needs a weight that is a whole number from 1 to 100'],
    ['ann:hush:lane=low=x', 'entry 1 needs one of the lanes high, normal, low'],
    ['ann:hush:lane=fast', 'entry 1 needs one of the lanes high, normal, low'],
    ['ann:hush:admin:admin', 'entry 1 says something twice'],
    ['ann', 'entry 1 must be name:secret'],
    ['ann:hush,bob', 'entry 2 must be name:secret'],
    ['ann:', 'entry 1 needs a secret'],
    ['a b:hush', 'entry 1 must begin with a name'],
    ['ann:hush hush', 'entry 1 needs a secret'],
    ['ann:hush:root', 'entry 1 must be name:secret'],
    ['ann:hush:admin:more', 'entry 1 must be name:secret'],
    ['ann:hush,ann:other', 'entry 2 has the name of entry 1'],
    ['ann:hush,bob:hush', 'entry 2 has the secret of entry 1'],
  ])('are refused as %s, without a word of a secret', (API_KEYS, why) => {
    expect(() => read({ API_KEYS })).toThrow(`API_KEYS ${why}`);
    expect(() => read({ API_KEYS })).not.toThrow(/hush/);
  });

  it('stand in one place', () => {
    expect(() => read({ API_KEYS: 'ann:hush', API_KEYS_FILE: 'keys' })).toThrow('unset one of them');
    expect(() => read({ API_KEYS_FILE: '/nowhere/keys' })).toThrow(
      'API_KEYS_FILE cannot be read: /nowhere/keys: there is no such file or folder',
    );
  });

  it('contradict AUTH=none', () => {
    expect(() => read({ API_KEYS: 'ann:hush', AUTH: 'none' })).toThrow('unset one of them');
  });
});

it('reads limits, origins and proxies', () => {
  const { admission } = read({
    RATE_LIMIT: '100/60',
    CORS_ORIGIN: 'https://a.example, http://b.example:8080',
    TRUST_PROXY: '2',
  });
  expect(admission).toEqual({
    keys: undefined,
    rateLimit: { count: 100, seconds: 60 },
    corsOrigins: ['https://a.example', 'http://b.example:8080'],
    trustedProxies: 2,
  });
  expect(read({}).admission).toMatchObject({ rateLimit: undefined, corsOrigins: undefined });
  expect(read({ RATE_LIMIT: 'off', CORS_ORIGIN: '*' }).admission.corsOrigins).toBe('*');
});

it.each([
  { RATE_LIMIT: '100' },
  { RATE_LIMIT: '0/60' },
  { RATE_LIMIT: '5/0' },
  { CORS_ORIGIN: 'a.example' },
  { CORS_ORIGIN: 'https://a.example/' },
  { TRUST_PROXY: 'yes' },
])('refuses %j', (env) => {
  expect(() => read(env as Record<string, string>)).toThrow(Object.keys(env)[0]);
});

it('bounds what a submission may ask for, no higher than the contract does', () => {
  expect(read({}).jobs.most).toEqual({ timeoutMs: 600_000, attempts: 100 });
  const { most } = read({ MAX_TIMEOUT_MS: '1000', MAX_ATTEMPTS: '1' }).jobs;
  expect(most).toEqual({ timeoutMs: 1_000, attempts: 1 });
  expect(() => read({ MAX_TIMEOUT_MS: '600001', MAX_ATTEMPTS: '0' })).toThrow(
    /MAX_TIMEOUT_MS .*\n.*MAX_ATTEMPTS /,
  );
});

it('waits for replicas for half of the time of a request at most', () => {
  expect(read({}).redis.acks).toBeUndefined();
  const env = { REDIS_REPLICAS_ACK: '2', REDIS_TIMEOUT_MS: '500' };
  expect(read(env).redis.acks).toEqual({ replicas: 2, timeoutMs: 250 });
  expect(() => read({ ...env, REDIS_REPLICAS_ACK_MS: '251' })).toThrow('REDIS_REPLICAS_ACK_MS');
});
