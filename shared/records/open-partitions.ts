import { ConfigError } from '../errors.js';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReleaseStack } from '../process/release-stack.js';
import type { ReplicaAcks } from '../redis/replica-acks.js';
import { openRedis, openRedisSubscriber, type RedisOptions, type RedisSubscriber } from '../redis/redis.js';
import { partitionPrefix, RecordScripts } from './records.js';

/** A part of the records that shares no script with the others, with connections of its own. */
export interface Partition {
  records: RecordScripts;
  subscriber: RedisSubscriber;
}

/** The way to the partitions. */
export interface PartitionOptions {
  redis: RedisOptions;
  keyPrefix: string;
  release: ReleaseStack;
  /** Replicas that have to have what clients are promised. @default none */
  acks?: Omit<ReplicaAcks, 'key'> | undefined;
}

/** So long a process that starts waits for a partition while others are there, in ms. */
const PATIENCE_MS = 2_000;

/**
 * Connects to all partitions; `release` closes them. Waits for one of them until the signal of `redis` is aborted, and for the
 * others a moment: those that are away are connected once they are back. Rejects with
 * RecordSchemaError as {@link RecordScripts.requireSchema} does, and with a ConfigError where the address or the prefix can never do.
 */
export async function openPartitions(
  count: number,
  { redis: connection, keyPrefix, release, acks }: PartitionOptions,
): Promise<Partition[]> {
  if (connection.address.kind === 'cluster' && /[{}]/.test(keyPrefix)) {
    throw new ConfigError([
      'KEY_PREFIX must have no braces on a cluster: the first ones of a key decide its slot',
    ]);
  }
  const partitions = await Promise.all(
    Array.from({ length: count }, async (_, index): Promise<Partition> => {
      const place = { index, count };
      const options = {
        ...connection,
        key: partitionPrefix(keyPrefix, place),
        ...(count === 1 ? {} : { patienceMs: PATIENCE_MS }),
      };
      const redis = await openRedis(options);
      release.later('redis', () => redis.close());
      const subscriber = await openRedisSubscriber(options);
      release.later('redis subscriber', () => subscriber.close());
      if (!acks) return { records: new RecordScripts(redis, keyPrefix, place), subscriber };
      // Polls do not stand behind a WAIT: what is promised has a connection of its own then.
      const promised = await openRedis({ ...options, acks: { ...acks, key: `${options.key}acks` } });
      release.later('redis, waiting for replicas', () => promised.close());
      return { records: new RecordScripts(redis, keyPrefix, place, promised), subscriber };
    }),
  );
  const { signal } = connection;
  const isUp = ({ records }: Partition): boolean => records.redis.isUp;
  while (!partitions.some(isUp)) await sleep(PATIENCE_MS, undefined, { signal });
  for (const { records } of partitions.filter(isUp)) await records.requireSchema(signal);
  return partitions;
}
