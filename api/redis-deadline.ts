import { RedisUnavailableError } from '../shared/errors.js';
import { wheel } from '../shared/process/timer-wheel.js';

/** Runs the Redis calls of one step of a request; all of them together have one deadline. */
export type RedisDeadline = <T>(step: string, calls: () => Promise<T>) => Promise<T>;

/**
 * The one place that bounds how long a request waits for Redis. Past `timeoutMs` it rejects with
 * RedisUnavailableError; calls already sent may still take effect. `onUnavailable` is called for every such error.
 */
export function createRedisDeadline(
  timeoutMs: number,
  onUnavailable: (error: RedisUnavailableError) => void = () => undefined,
): RedisDeadline {
  return (step, calls) =>
    new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        late.cancel();
        if (error instanceof RedisUnavailableError) onUnavailable(error);
        reject(error);
      };
      const late = wheel.set(timeoutMs, () =>
        fail(new RedisUnavailableError(`${step} within ${timeoutMs} ms`)),
      );
      calls().then((value) => {
        late.cancel();
        return resolve(value);
      }, fail);
    });
}
