import type { ReleaseStack } from '../process/release-stack.js';
import { openRedis, openRedisSubscriber, type RedisOptions, type RedisSubscriber } from '../redis/redis.js';
import { RecordScripts } from './records.js';

/** A part of the records that shares no script with the others, with connections of its own. */
export interface Partition {
  records: RecordScripts;
  subscriber: RedisSubscriber;
}

/**
 * Connects to all partitions; `release` closes them. Waits for Redis until the signal of `redis` is aborted. Rejects with
 * RecordSchemaError as {@link RecordScripts.requireSchema} does.
 */
export async function openPartitions(
  count: number,
  { redis: options, keyPrefix, release }: { redis: RedisOptions; keyPrefix: string; release: ReleaseStack },
): Promise<Partition[]> {
  const partitions = await Promise.all(
    Array.from({ length: count }, async (_, index): Promise<Partition> => {
      const redis = await openRedis(options);
      release.later('redis', () => redis.close());
      const subscriber = await openRedisSubscriber(options);
      release.later('redis subscriber', () => subscriber.close());
      return { records: new RecordScripts(redis, keyPrefix, { index, count }), subscriber };
    }),
  );
  for (const { records } of partitions) await records.requireSchema(options.signal);
  return partitions;
}
