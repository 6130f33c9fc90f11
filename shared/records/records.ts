import type { Redis, RedisArgument, RedisReply } from '../redis/redis.js';
import { type JobScripts, readJobScripts } from './scripts.js';

/** Everything that is read from or written to the job records goes through one of these per process. */
export class RecordScripts {
  readonly #scripts: JobScripts = readJobScripts();
  readonly #prefix: string;

  constructor(
    readonly redis: Redis,
    readonly keyPrefix: string,
  ) {
    this.#prefix = `${keyPrefix}waggle:`;
  }

  /** The full name of one of our keys or channels. */
  key(name: string): string {
    return this.#prefix + name;
  }

  /** Runs a script; `keys` are full names that come after the prefix. */
  run(
    name: keyof JobScripts,
    args: readonly RedisArgument[],
    keys: readonly string[] = [],
  ): Promise<RedisReply> {
    return this.redis.script(this.#scripts[name], [this.#prefix, ...keys], args);
  }
}

/** The members of a list reply; none for any other reply. */
export const listOf = (reply: RedisReply | undefined): RedisReply[] => (Array.isArray(reply) ? reply : []);
