import type { ClaimedJob } from '../shared/jobs/job-leases.js';

/** A job that this worker has claimed and not yet ended, given back or lost. */
export class HeldJob {
  #isLive = true;

  /** @param done ends the delivery through which the job came */
  constructor(
    readonly claimed: ClaimedJob,
    readonly done: () => void,
  ) {}

  /** Whether it still needs an outcome from here. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** True for the first caller, who decides how the job ends here; false for every later one. */
  decide(): boolean {
    const isFirst = this.#isLive;
    this.#isLive = false;
    return isFirst;
  }
}
