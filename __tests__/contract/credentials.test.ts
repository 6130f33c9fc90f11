import { parseRedisAddress } from '../../shared/redis/address.js';
import { openRedis, type Redis } from '../../shared/redis/redis.js';
import { until } from '../support/latch.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { FIXTURES } from '../support/paths.js';
import { recordingLog } from '../support/recording-log.js';
import { openWorkerRig, type WorkerRig } from '../support/rigs/worker-rig.js';
import { type ApiRig, openApiRig } from '../support/rigs/api-rig.js';

jest.setTimeout(60_000);

const HOST = '127.0.0.1';
const SECRET = 'first-secret';
const MATES = 15;

let server: TestRedis;
let admin: Redis;
beforeAll(async () => {
  server = await startRedis({ host: HOST });
  await (await server.connect()).command(['ACL', 'SETUSER', 'admin', 'on', 'nopass', '~*', '&*', '+@all']);
  const address = parseRedisAddress(server.url.replace('//', '//admin:any@'));
  admin = await openRedis({ address, onError: () => undefined });
});
afterAll(async () => {
  await admin.close();
  await server.stop();
});

let api: ApiRig;
let rig: WorkerRig;
let apiLog: ReturnType<typeof recordingLog>;

/** An API and a worker that log in as the URL says. */
async function open(login: string): Promise<void> {
  const url = server.url.replace('//', `//${login}`);
  rig = await openWorkerRig({ ...server, address: parseRedisAddress(url), client: async () => admin });
  apiLog = recordingLog();
  const env = {
    KEY_PREFIX: rig.keyPrefix,
    MODELS_DIR: FIXTURES,
    DEFAULT_MODEL: 'faulty',
    REDIS_TIMEOUT_MS: '5000',
  };
  api = await openApiRig({ ...server, url }, { env, log: apiLog });
  await rig.start();
}
afterEach(async () => {
  await api.close();
  await rig.close();
});

const submit = (act: string, headers = {}) =>
  api.submit({ model: 'faulty', input: { act, value: 1 } }, headers);
const acl = (user: string, ...rules: string[]) => admin.command(['ACL', 'SETUSER', user, ...rules]);

it.each([
  {
    what: 'its password is another for a while',
    login: `waggle:${SECRET}@`,
    take: ['waggle', 'resetpass', '>second-secret'],
    restore: ['waggle', 'resetpass', `>${SECRET}`],
  },
  {
    what: 'its user may do nothing',
    login: `waggle:${SECRET}@`,
    take: ['waggle', '-@all'],
    restore: ['waggle', '+@all'],
  },
  {
    what: 'a password is asked for all at once',
    login: '',
    take: ['default', 'resetpass', `>${SECRET}`],
    restore: ['default', 'nopass'],
  },
])('throws no outcome away and answers 503 while $what', async ({ login, take, restore }) => {
  await acl('waggle', 'reset', 'on', `>${SECRET}`, '~*', '&*', '+@all');
  await open(login);
  const held = await submit('hold');
  await rig.isHeld();
  const mates = await Promise.all(Array.from({ length: MATES }, () => submit('answer')));
  await acl(...(take as [string]));
  // As in a failover or a restart: those that stand would be believed for ever.
  const kill = () => admin.command(['CLIENT', 'KILL', 'USER', take[0] ?? '', 'SKIPME', 'yes']);
  await kill();
  for (const answer of await Promise.all([
    submit('answer'),
    api.poll(held.body.id),
    api.call('get', '/jobs'),
  ])) {
    expect([answer.status, answer.body.type]).toEqual([503, '/problems/redis-unavailable']);
    expect(answer.headers['retry-after']).toBe('1');
  }
  expect((await api.call('get', '/health/ready')).status).toBe(503);
  rig.letGo();
  await until(() => rig.log.said('commit not written yet'));
  await acl(...(restore as [string]));
  const jobs = await rig.allEnd([held, ...mates].map(({ body }) => body.id));
  expect(jobs.map(({ state, attempts }) => `${state} ${attempts}`)).toEqual(
    Array(MATES + 1).fill('succeeded 1'),
  );
  const next = await until(async () => {
    const answer = await submit('answer', { Prefer: 'wait=10' });
    return answer.status !== 503 && answer;
  });
  expect([next.status, next.body.status]).toEqual([200, 'succeeded']);
  const lines = [...apiLog.lines, ...rig.log.lines];
  expect(JSON.stringify(lines)).not.toContain(SECRET);
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
});
