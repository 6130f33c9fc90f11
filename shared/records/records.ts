import { RecordSchemaError, RedisUnavailableError } from '../errors.js';
import { backOff, REDIS_BACKOFF } from '../process/backoff.js';
import type { Redis, RedisArgument, RedisReply } from '../redis/redis.js';
import { type JobScripts, readJobScripts } from './scripts.js';

/** Version of the layout of all records; one that is older or newer is refused, never half-read. */
export const RECORD_SCHEMA = 3;

/**
 * The partition of all keys. Its name is a hash tag: on a Redis Cluster all of them are in one slot, so that a script may
 * touch any.
 */
const PARTITION = '{w0}:';

/** What stands before the name of every key, Bee-Queue's included. */
export const partitionPrefix = (keyPrefix: string): string => keyPrefix + PARTITION;

/** Everything that is read from or written to the job records goes through one of these per process. */
export class RecordScripts {
  readonly #scripts: JobScripts = readJobScripts();
  readonly #prefix: string;

  constructor(
    readonly redis: Redis,
    readonly keyPrefix: string,
  ) {
    this.#prefix = partitionPrefix(keyPrefix);
  }

  /** The full name of one of our keys or channels. */
  key(name: string): string {
    return this.#prefix + name;
  }

  /** Runs a script. */
  run(name: keyof JobScripts, args: readonly RedisArgument[]): Promise<RedisReply> {
    return this.redis.script(this.#scripts[name], [this.#prefix], args);
  }

  /**
   * Waits for Redis until `signal` is aborted. Rejects with {@link RecordSchemaError} where another version keeps its records
   * under this prefix.
   */
  async requireSchema(signal: AbortSignal = new AbortController().signal): Promise<void> {
    const key = this.key('schema');
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await this.redis.command(['SET', key, String(RECORD_SCHEMA), 'NX']);
        const found = String(await this.redis.command(['GET', key]));
        if (found !== String(RECORD_SCHEMA)) throw new RecordSchemaError(key, found, RECORD_SCHEMA);
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
