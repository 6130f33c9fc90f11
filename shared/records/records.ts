import { RecordSchemaError, RedisUnavailableError } from '../errors.js';
import { backOff, REDIS_BACKOFF } from '../process/backoff.js';
import type { Redis, RedisArgument, RedisReply } from '../redis/redis.js';
import { ONLY_PARTITION, type PartitionPlace, partitionTag } from './partition-tags.js';
import { type JobScripts, readJobScripts } from './scripts.js';

/** Version of the layout of all records; one that is older or newer is refused, never half-read. */
export const RECORD_SCHEMA = 3;

/** What stands before the name of every key of a partition, Bee-Queue's included. */
export const partitionPrefix = (keyPrefix: string, place = ONLY_PARTITION): string =>
  `${keyPrefix}{${partitionTag(place)}}:`;

/** Everything that is read from or written to the records of a partition goes through one of these per process. */
export class RecordScripts {
  readonly #scripts: JobScripts;
  /** What stands before the name of every key and channel. */
  readonly prefix: string;

  constructor(
    readonly redis: Redis,
    keyPrefix: string,
    readonly place: PartitionPlace = ONLY_PARTITION,
    /** The connection of what clients are promised, which may wait for replicas. */
    readonly promised: Redis = redis,
  ) {
    this.#scripts = readJobScripts(redis.isCluster);
    this.prefix = partitionPrefix(keyPrefix, place);
  }

  /** The full name of one of our keys or channels. */
  key(name: string): string {
    return this.prefix + name;
  }

  /** Runs a script. */
  run(name: keyof JobScripts, args: readonly RedisArgument[]): Promise<RedisReply> {
    return this.redis.script(this.#scripts[name], [this.prefix], args);
  }

  /** Runs a script whose effect a client is promised. */
  promise(name: keyof JobScripts, args: readonly RedisArgument[]): Promise<RedisReply> {
    return this.promised.script(this.#scripts[name], [this.prefix], args);
  }

  /**
   * Waits for Redis until `signal` is aborted. Rejects with {@link RecordSchemaError} where another version keeps its records
   * under this prefix, or this one in another number of partitions.
   */
  async requireSchema(signal: AbortSignal = new AbortController().signal): Promise<void> {
    const key = this.key('schema');
    const { count } = this.place;
    const schema = count === 1 ? String(RECORD_SCHEMA) : `${RECORD_SCHEMA} in ${count} partitions`;
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await this.redis.command(['SET', key, schema, 'NX']);
        const found = String(await this.redis.command(['GET', key]));
        if (found !== schema) throw new RecordSchemaError(key, found, schema);
        return;
      } catch (error) {
        if (!(error instanceof RedisUnavailableError)) throw error;
        await backOff(failures, REDIS_BACKOFF, signal);
      }
    }
  }
}

/** The members of a list reply; none for any other reply. */
export const listOf = (reply: RedisReply | undefined): RedisReply[] => (Array.isArray(reply) ? reply : []);
