import type { JobStore } from '../../shared/jobs/job-store.js';

/** A rate is read again after so long, by the first who needs it, in ms. */
const FRESH_MS = 500;

/** How fast each queue moves, read from Redis at most twice a second and process. */
export class CompletionRates {
  readonly #jobs: JobStore;
  readonly #known = new Map<string, { rate: Promise<number>; untilMs: number }>();

  constructor(jobs: JobStore) {
    this.#jobs = jobs;
  }

  /** Jobs a second that a queue completed lately; 0 when there were none, or when Redis does not tell. */
  of(queue: string): Promise<number> {
    const nowMs = Date.now();
    const known = this.#known.get(queue);
    if (known && nowMs < known.untilMs) return known.rate;
    const rate = this.#jobs.completionRate(queue, nowMs).catch(() => 0);
    this.#known.set(queue, { rate, untilMs: nowMs + FRESH_MS });
    return rate;
  }
}
