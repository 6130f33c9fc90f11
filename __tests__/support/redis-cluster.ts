import { ONLY_PARTITION, partitionTag } from '../../shared/records/partition-tags.js';
import { SLOTS } from '../../shared/redis/key-slot.js';
import { type Redis, openRedis } from '../../shared/redis/redis.js';
import { until } from './latch.js';
import { freePort, startRedis, type TestRedis } from './redis.js';
import type { Replaceable } from './replaceable.js';

const HOST = '127.0.0.1';
/** Redis gives a failover up that has not happened within 5 s, in ms. */
const GIVEN_UP_MS = 6_000;
/** A node that is silent for so long is replaced, in ms. */
const NODE_TIMEOUT_MS = 1_500;

/** A node of a cluster. */
export interface ClusterNode {
  server: TestRedis;
  port: number;
  /** Runs a command at this very node; rejects while it is away. */
  command: Redis['command'];
}

/** A Redis Cluster of a test's own on this machine. */
export interface RedisCluster extends Replaceable {
  nodes: readonly ClusterNode[];
  /** The node that is the master of a hash tag's slot, as one of the others sees it. Rejects when none answers. */
  masterOf(tag: string): Promise<ClusterNode>;
  /** The replicas of a master. */
  replicasOf(master: ClusterNode): Promise<ClusterNode[]>;
}

const ONLY_TAG = partitionTag(ONLY_PARTITION);

/** Starts so many masters, with a replica each, of the server program `program` where it is given. */
export async function startCluster({
  masters = 3,
  ...from
}: {
  masters?: number;
  program?: string;
} = {}): Promise<RedisCluster> {
  const nodes = await Promise.all(Array.from({ length: 2 * masters }, () => startNode(from)));
  const [first] = nodes;
  const ids = await Promise.all(nodes.map(async ({ command }) => String(await command(['CLUSTER', 'MYID']))));
  for (const { port, busPort } of nodes.slice(1)) {
    await first?.command(['CLUSTER', 'MEET', HOST, String(port), String(busPort)]);
  }
  for (let index = 0; index < masters; index += 1) {
    const [start, end] = [index, index + 1].map((part) => Math.round((part * SLOTS) / masters));
    await nodes[index]?.command(['CLUSTER', 'ADDSLOTSRANGE', String(start), String((end ?? 0) - 1)]);
  }
  for (let index = masters; index < nodes.length; index += 1) {
    const replicate = ['CLUSTER', 'REPLICATE', ids[index - masters] ?? ''];
    await until(async () => nodes[index]?.command(replicate).catch(() => undefined), {
      what: 'a replica that knows its master',
    });
  }
  const isWhole = (): Promise<void> =>
    until(async () => (await Promise.all(nodes.map(isSettled))).every(Boolean), {
      what: 'a cluster that is whole',
      timeoutMs: 60_000,
    }).then(() => undefined);
  await isWhole();
  const masterOf = async (tag: string): Promise<ClusterNode> => {
    for (const { command } of nodes) {
      const answers = await Promise.all([
        command(['CLUSTER', 'KEYSLOT', `{${tag}}`]),
        command(['CLUSTER', 'SLOTS']),
      ]).catch(() => undefined);
      if (!answers) continue;
      const [slot, ranges] = answers as [number, [number, number, [string, number]][]];
      const owner = ranges.find(([start, end]) => start <= slot && slot <= end)?.[2][1];
      const node = nodes.find(({ port }) => port === owner);
      if (node) return node;
    }
    throw new Error(`nobody knows the master of ${tag}`);
  };
  // Nodes that are held up do not answer in time.
  const known = (tag: string): Promise<ClusterNode> =>
    until(() => masterOf(tag).catch(() => undefined), { what: `the master of ${tag}` });
  const replicasOf = async ({ command }: ClusterNode): Promise<ClusterNode[]> => {
    const replication = String(await command(['INFO', 'replication']));
    const ports = new Set(
      [...replication.matchAll(/^slave\d+:.*port=(\d+)/gm)].map(([, port]) => Number(port)),
    );
    return nodes.filter(({ port }) => ports.has(port));
  };
  return {
    nodes,
    url: `redis+cluster://${nodes.map(({ port }) => `${HOST}:${port}`).join(',')}/`,
    masterOf,
    replicasOf,
    master: async (tag = ONLY_TAG) => (await known(tag)).server,
    async failOver(tag = ONLY_TAG) {
      const [replica] = await replicasOf(await known(tag));
      if (!replica) throw new Error(`the master of ${tag} has no replica`);
      let askedMs = Number.NEGATIVE_INFINITY;
      const isMaster = async (): Promise<boolean> => {
        if (/^role:master/m.test(String(await replica.command(['INFO', 'replication'])))) return true;
        if (performance.now() - askedMs > GIVEN_UP_MS) {
          askedMs = performance.now();
          await replica.command(['CLUSTER', 'FAILOVER']);
        }
        return false;
      };
      await until(isMaster, { what: 'a replica in the place of its master', timeoutMs: 60_000, everyMs: 20 });
    },
    isWhole,
    async stop() {
      await Promise.all(nodes.map(({ server }) => server.stop()));
    },
  };
}

async function startNode(from: { program?: string }): Promise<ClusterNode & { busPort: number }> {
  const busPort = await freePort(HOST);
  const server = await startRedis({
    ...from,
    host: HOST,
    appendOnly: true,
    options: [
      '--cluster-enabled',
      'yes',
      '--cluster-port',
      String(busPort),
      '--cluster-node-timeout',
      String(NODE_TIMEOUT_MS),
      // The slots of the masters that are there are served while another is away.
      '--cluster-require-full-coverage',
      'no',
      '--cluster-announce-ip',
      HOST,
      '--zset-max-listpack-entries',
      '0',
    ],
  });
  if (server.address.kind !== 'host') throw new Error('not reached over TCP');
  const { port } = server.address;
  return {
    server,
    port,
    busPort,
    // A connection a command: a standing one would be given up where the node is a replica.
    async command(words) {
      // Throws where the process is gone.
      process.kill(server.pid, 0);
      const client = await openRedis({
        address: server.address,
        onError: () => undefined,
        signal: AbortSignal.timeout(10_000),
      });
      try {
        return await client.command(words);
      } finally {
        await client.close();
      }
    },
  };
}

/** Whether a node sees all slots served, and, where it is a replica, has everything. A master has to have a replica. */
async function isSettled({ command }: ClusterNode): Promise<boolean> {
  const texts = await Promise.all([command(['CLUSTER', 'INFO']), command(['INFO', 'replication'])]).catch(
    () => [],
  );
  const [cluster = '', replication = ''] = texts.map(String);
  return (
    /cluster_state:ok/.test(cluster) &&
    /master_link_status:up|role:master[^]*connected_slaves:[1-9]/.test(replication)
  );
}
