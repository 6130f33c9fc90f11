import { RedisUnavailableError } from '../shared/errors.js';

/** Runs the Redis calls of one step of a request; all of them together have one deadline. */
export type RedisDeadline = <T>(step: string, calls: () => Promise<T>) => Promise<T>;

/**
 * The one place that bounds how long a request waits for Redis. Past `timeoutMs` it rejects with
 * RedisUnavailableError; calls already sent may still take effect. `onUnavailable` is called for every such error.
 */
export function createRedisDeadline(
  timeoutMs: number,
  onUnavailable: () => void = () => undefined,
): RedisDeadline {
  return async (step, calls) => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new RedisUnavailableError(`${step} within ${timeoutMs} ms`)),
        timeoutMs,
      );
    });
    try {
      return await Promise.race([calls(), late]);
    } catch (error) {
      if (error instanceof RedisUnavailableError) onUnavailable();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
}
