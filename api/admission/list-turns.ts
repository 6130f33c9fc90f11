import { callerOf } from './rate-limits.js';
import type { Exchange } from '../http/exchange.js';
import { ProblemError } from '../http/problem.js';
import { untilClientGone } from '../http/read-json.js';
import type { RedisDeadline } from '../redis-deadline.js';

/** Most lists of one caller that may wait for their turn. */
const LONGEST_LINE = 64;

/** Walks over the indexes, one at a time for each caller: a caller of many lists at once holds up only itself. */
export class ListTurns {
  /** Walks that wait for the one under way, by caller. */
  readonly #withinDeadline: RedisDeadline;
  readonly #lines = new Map<string, (() => void)[]>();

  constructor(withinDeadline: RedisDeadline) {
    this.#withinDeadline = withinDeadline;
  }

  /**
   * Runs a walk when its turn has come, all within one deadline of Redis. The signal is aborted once the
   * deadline has passed or the client has left. Throws a 429 problem when too many walks wait already.
   */
  async run<T>(exchange: Exchange, step: string, walk: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const over = untilClientGone(exchange.response);
    try {
      return await this.#withinDeadline(step, async () => {
        const caller = callerOf(exchange);
        await this.#turnOf(caller, over.signal);
        try {
          over.signal.throwIfAborted();
          return await walk(over.signal);
        } finally {
          const next = this.#lines.get(caller)?.shift();
          if (next) next();
          else this.#lines.delete(caller);
        }
      });
    } finally {
      over.abort();
    }
  }

  async #turnOf(caller: string, signal: AbortSignal): Promise<void> {
    const line = this.#lines.get(caller);
    if (!line) {
      this.#lines.set(caller, []);
      return;
    }
    if (line.length >= LONGEST_LINE) {
      throw new ProblemError('too-many-waiting', `${line.length} lists of this caller wait already`, {
        retryAfterSeconds: 1,
      });
    }
    await new Promise<void>((resolve, reject) => {
      const begin = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        line.splice(line.indexOf(begin), 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', leave, { once: true });
      line.push(begin);
    });
  }
}
