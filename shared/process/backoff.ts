import { pause } from './pause.js';

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
 * The pause in ms after a number of failures in a row (1 = the first). It doubles with each failure up to the bound, and
 * up to half of it is random, so that callers that failed together do not come back together.
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

/** Waits for the pause of {@link backoffMs}, or until the signal is aborted. Never rejects. */
export async function backOff(failures: number, bounds: BackoffBounds, signal: AbortSignal): Promise<void> {
  await pause(backoffMs(failures, bounds), signal).catch(() => undefined);
}
