import type { Partitions } from '../partitions.js';

/** Time after which the next request that needs a rate reads it again, in ms. */
const FRESH_MS = 500;

/** The speed of each queue, read from Redis at most twice a second and process. */
export class CompletionRates {
  readonly #partitions: Partitions;
  readonly #known = new Map<string, { rate: Promise<number>; untilMs: number }>();

  constructor(partitions: Partitions) {
    this.#partitions = partitions;
  }

  /** Jobs a second that a queue completed lately; 0 when there were none, or when Redis does not tell. */
  of(queue: string): Promise<number> {
    const nowMs = Date.now();
    const known = this.#known.get(queue);
    if (known && nowMs < known.untilMs) return known.rate;
    const rate = this.#partitions
      .readAll(({ jobs }) => jobs.completionRate(queue, nowMs))
      .then(
        ({ found }) => found.reduce((sum, ofOne) => sum + ofOne, 0),
        () => 0,
      );
    this.#known.set(queue, { rate, untilMs: nowMs + FRESH_MS });
    return rate;
  }
}

/** Estimated time until `count` more jobs or rows have ended, in ms; undefined while none has ended lately. */
export const etaMsOf = (count: number, completionsPerSecond: number): number | undefined =>
  completionsPerSecond > 0 ? Math.ceil((count / completionsPerSecond) * 1000) : undefined;

/** Longest `Retry-After`: a longer estimate may be far off. */
const LONGEST_RETRY_SECONDS = 60;

/** Whole seconds, at least 1, after which a client does well to ask again. */
export const retryAfterSeconds = (etaMs: number | undefined): number =>
  Math.min(Math.max(1, Math.ceil((etaMs ?? 0) / 1000)), LONGEST_RETRY_SECONDS);
