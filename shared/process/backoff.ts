/** Bounds of a growing pause, in ms. */
export interface BackoffBounds {
  firstMs: number;
  mostMs: number;
}

/** Pause before an attempt of a job that failed before. */
export const RETRY_BACKOFF: BackoffBounds = { firstMs: 500, mostMs: 30_000 };
/** Pause before asking Redis again. */
export const REDIS_BACKOFF: BackoffBounds = { firstMs: 25, mostMs: 1_000 };

/**
 * Pause in ms after so many failures (1 = the first): it doubles with each up to the bound, and up to half of it is
 * left to chance, so that jobs that failed together do not come back together.
 *
 * @param random from 0 up to, not including, 1
 */
export function backoffMs(
  failures: number,
  { firstMs, mostMs }: BackoffBounds,
  random: () => number = Math.random,
): number {
  const ceilingMs = Math.min(firstMs * 2 ** Math.min(failures - 1, 30), mostMs);
  return ceilingMs * (1 - random() / 2);
}
