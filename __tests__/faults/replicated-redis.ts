import { partitionTag } from '../../shared/records/partition-tags.js';
import { startCluster } from '../support/redis-cluster.js';
import { startSentinels } from '../support/redis-sentinels.js';
import type { Replaceable } from '../support/replaceable.js';
import type { StackRedis } from './stack.js';

/** Masters with a replica each, one of which has what is acknowledged. */
export interface ReplicatedRedis extends StackRedis {
  nodes: Replaceable;
  /** The hash tag of each partition. */
  tags: readonly string[];
}

/** Starts a Redis Cluster of three masters, with two partitions for each. */
export const startInCluster = async (): Promise<ReplicatedRedis> => replicated(await startCluster(), 6);

/** Starts a master, a replica and three Sentinels. */
export const startWithSentinels = async (): Promise<ReplicatedRedis> => replicated(await startSentinels(), 1);

const replicated = (nodes: Replaceable, partitions: number): ReplicatedRedis => ({
  url: nodes.url,
  workerUrl: nodes.url,
  partitions,
  env: { REDIS_REPLICAS_ACK: '1' },
  nodes,
  tags: Array.from({ length: partitions }, (_, index) => partitionTag({ index, count: partitions })),
  serving: () => nodes.isWhole(),
  close: () => nodes.stop(),
});
