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
