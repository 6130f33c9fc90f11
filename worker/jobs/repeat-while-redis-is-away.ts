import { messageOf, RedisUnavailableError } from '../../shared/errors.js';
import type { LogFields, Logger } from '../../shared/log/logger.js';
import { backOff, REDIS_BACKOFF } from '../../shared/process/backoff.js';

/** One warning for this many failures in a row: the pauses between them are up to a second long. */
const FAILURES_PER_WARNING = 10;

/** When a repetition ends, and what is logged until then. */
export interface Repetition {
  /** Message of the warning while Redis is away. */
  warning: string;
  /** Members of the warning beside the error. */
  fields?: LogFields | undefined;
  log: Logger;
  /** Ends the repetition. */
  signal: AbortSignal;
  /** Repeats also a call that Redis refuses; otherwise the refusal rejects. @default false */
  repeatsRefusals?: boolean | undefined;
}

/**
 * Repeats a call that is safe to repeat until Redis answers it. Resolves to undefined once the signal is aborted, after
 * one call at least.
 */
export async function repeatWhileRedisIsAway<T>(
  call: () => Promise<T>,
  { warning, fields, log, signal, repeatsRefusals = false }: Repetition,
): Promise<T | undefined> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await call();
    } catch (error) {
      if (!repeatsRefusals && !(error instanceof RedisUnavailableError)) throw error;
      if (failures % FAILURES_PER_WARNING === 1) {
        log.warn(warning, { ...fields, error: messageOf(error), failures });
      }
    }
    await backOff(failures, REDIS_BACKOFF, signal);
    if (signal.aborted) return undefined;
  }
}
