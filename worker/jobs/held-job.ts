import { jobIds } from '../../shared/batches/chunk-queue.js';
import type { ClaimedJob } from '../../shared/jobs/job-leases.js';
import { NO_SPAN, type Span } from '../../shared/tracing/tracer.js';

/** A job that this worker has claimed and not yet ended, given back or lost. */
export class HeldJob {
  #isLive = true;

  /**
   * @param done ends the delivery through which the job came
   * @param span of this attempt; whoever ends the job here ends it
   */
  constructor(
    readonly claimed: ClaimedJob,
    readonly done: () => void,
    readonly span: Span = NO_SPAN,
  ) {}

  /** Whether it still needs an outcome from here. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** What every log line of the job carries. */
  get ids(): Record<string, string> {
    const { id, requestId, traceparent } = this.claimed;
    return {
      ...jobIds(id),
      ...(requestId === undefined ? {} : { request_id: requestId }),
      ...(traceparent === undefined ? {} : { traceparent }),
    };
  }

  /** True for the first caller, who decides how the job ends here; false for every later one. */
  decide(): boolean {
    const isFirst = this.#isLive;
    this.#isLive = false;
    return isFirst;
  }
}

/** What the line of a claim carries. */
export const claimFields = ({ ids, claimed }: HeldJob): Record<string, string | number> => ({
  ...ids,
  attempt: claimed.attempts,
  waited_ms: claimed.waitedMs,
});
