import { startRedis, type TestRedis } from '../../support/redis.js';
import { follow } from '../../support/replica.js';
import { waggleHere } from '../../support/waggle-here.js';

let master: TestRedis;
let replica: TestRedis;
beforeAll(async () => {
  const start = () => startRedis({ host: '127.0.0.1', appendOnly: true });
  [master, replica] = await Promise.all([start(), start()]);
  await set(replica, 'zset-max-listpack-entries', '0');
  await follow(replica, master.url);
});
beforeEach(async () => {
  const right = {
    'zset-max-listpack-entries': '0',
    'min-replicas-to-write': '1',
    'maxmemory-policy': 'noeviction',
  };
  for (const [name, value] of Object.entries(right)) await set(master, name, value);
});
afterAll(() => Promise.all([master.stop(), replica.stop()]));

async function set(redis: TestRedis, name: string, value: string): Promise<void> {
  await (await redis.connect()).command(['CONFIG', 'SET', name, value]);
}

interface Found {
  code: number | null;
  nodes: { node: string; role?: string; problems: string[] }[];
}
async function doctor(env: Record<string, string> = {}): Promise<Found> {
  const { code, stdout } = await waggleHere(['doctor', '--json'], { REDIS_URL: master.url, ...env });
  return { code, ...(JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Pick<Found, 'nodes'>) };
}

it('finds nothing wrong with a master and a replica that are set up as they should be', async () => {
  const { code, nodes } = await doctor();
  expect([code, nodes.map(({ node, role }) => [node, role])]).toEqual([
    0,
    [
      [master.url, 'master'],
      [replica.url, 'slave'],
    ],
  ]);
});

it.each([
  ['maxmemory-policy', 'allkeys-lru', {}, 'set maxmemory-policy noeviction'],
  ['zset-max-listpack-entries', '128', {}, 'set zset-max-listpack-entries 0'],
  ['min-replicas-to-write', '0', { REDIS_REPLICAS_ACK: '1' }, 'set min-replicas-to-write 1'],
  ['min-replicas-to-write', '1', { REDIS_REPLICAS_ACK: '1' }, 'as many as it has'],
  ['min-replicas-to-write', '1', { REDIS_REPLICAS_ACK: '2' }, 'REDIS_REPLICAS_ACK is 2, and it has 1'],
])('says what to do about %s %s', async (name, value, env, advice) => {
  await set(master, name, value);
  const { code, nodes } = await doctor(env);
  expect([code, nodes[0]?.problems.join('\n')]).toEqual([1, expect.stringContaining(advice)]);
});

it('says which Redis cannot be reached', async () => {
  const { code, stdout } = await waggleHere(['doctor'], { REDIS_URL: 'redis://127.0.0.1:1' });
  expect(code).toBe(1);
  expect(stdout).toMatch(/^redis:\/\/127.0.0.1:1 {2}unreachable, version unknown\n {2}✖ .*ECONNREFUSED/);
});
