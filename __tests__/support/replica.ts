import type { Redis } from '../../shared/redis/redis.js';
import { parseRedisAddress } from '../../shared/redis/address.js';
import { until } from './latch.js';
import type { TestRedis } from './redis.js';

/** Makes a Redis the replica of the one at `url`, at once; resolves when it has everything. */
export async function follow(replica: TestRedis, url: string): Promise<void> {
  const master = parseRedisAddress(url);
  if (master.kind !== 'host') throw new Error('not reached over TCP');
  const client = await replica.connect();
  await client.command(['REPLICAOF', master.host, String(master.port)]);
  await until(async () => /master_link_status:up/.test(await replicationOf(client)), { what: 'a replica' });
}

// The client takes a new connection now and then, since this is no master.
export const replicationOf = async (client: Redis): Promise<string> =>
  String(await client.command(['INFO', 'replication']).catch(() => ''));
