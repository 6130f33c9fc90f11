import { jobIds } from '../../shared/batches/chunk-queue.js';
import type { ClaimedJob } from '../../shared/jobs/claimed-job.js';
import type { WorkerPartition } from '../intake/worker-partition.js';
import { NO_SPAN, type Span } from '../../shared/tracing/tracer.js';

/** A job that this worker has claimed and not yet ended, given back or lost. */
export class HeldJob {
  #isLive = true;

  /** @param span of this attempt; the settlement ends it with the job */
  constructor(
    readonly claimed: ClaimedJob,
    /** Where it was claimed. */
    readonly partition: Pick<WorkerPartition, 'leases' | 'chunks' | 'keeper'>,
    readonly span: Span = NO_SPAN,
  ) {}

  /** Whether the job still needs an outcome from this worker. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** Members of every log line of the job. */
  get ids(): Record<string, string> {
    const { id, record } = this.claimed;
    const { requestId, about } = record;
    const { traceparent } = about;
    return {
      ...jobIds(id),
      ...(requestId === undefined ? {} : { request_id: requestId }),
      ...(traceparent === undefined ? {} : { traceparent }),
    };
  }

  /** Members of the log line of a claim. */
  get claimFields(): Record<string, string | number> {
    return { ...this.ids, attempt: this.claimed.attempts, waited_ms: this.claimed.waitedMs };
  }

  /** True for the first caller, who decides how the job ends here; false for every later one. */
  decide(): boolean {
    const isFirst = this.#isLive;
    this.#isLive = false;
    return isFirst;
  }
}
