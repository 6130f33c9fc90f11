import { type RedisCluster, startCluster } from '../support/redis-cluster.js';
import { waggleHere } from '../support/waggle-here.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

it('looks at every master and replica of a cluster', async () => {
  const env = { REDIS_URL: cluster.url, REDIS_REPLICAS_ACK: '2' };
  const { code, stdout } = await waggleHere(['doctor', '--json'], env);
  const { nodes } = JSON.parse(stdout) as { nodes: { node: string; role: string; problems: string[] }[] };
  expect(code).toBe(1);
  expect(nodes.map(({ node }) => node).toSorted()).toEqual(
    cluster.nodes.map(({ port }) => `redis://127.0.0.1:${port}`).toSorted(),
  );
  for (const { role, problems } of nodes) {
    const short = expect.stringContaining('REDIS_REPLICAS_ACK is 2, and it has 1');
    const open = expect.stringContaining('min-replicas-to-write');
    expect(problems).toEqual(role === 'master' ? [short, open] : []);
  }
});
