import type { MicroBatchRun } from '../../shared/jobs/job-leases.js';
import { inSpan, type Span } from '../../shared/tracing/tracer.js';
import type { ModelVersion } from '../models/model-version.js';
import { Attempts } from './attempts.js';
import type { HeldJob } from './held-job.js';
import type { Lane } from './lane.js';
import type { Verdict } from './settlement.js';

/** Runs claimed jobs and decides each of them. To be called within a turn of the model, one call at a time. */
export class MicroBatchRunner {
  readonly attempts: Attempts;
  readonly #lane: Lane;
  readonly #leaving = new AbortController();
  #inHand: readonly HeldJob[] = [];

  constructor(lane: Lane) {
    this.#lane = lane;
    this.attempts = new Attempts(lane);
  }

  /**
   * Resolves when every job is decided, with whether the model is there for the next micro-batch. Outcomes are written
   * meanwhile and after.
   */
  async run(jobs: readonly HeldJob[]): Promise<boolean> {
    const { model, settlement } = this.#lane;
    const version = model.current;
    this.#inHand = jobs;
    try {
      await this.ready().catch(() => settlement.release(jobs));
      if (this.#leaving.signal.aborted) settlement.release(jobs);
      const live = jobs.filter((job) => job.isLive);
      if (live.length === 0) return true;
      return await this.attempts.run(live, version, (run, span) => this.#predict(live, version, run, span));
    } finally {
      this.#inHand = [];
    }
  }

  /** Resolves when the model can predict, or {@link stop} was called. */
  ready(): Promise<void> {
    return this.#lane.model.current.inference.ready(this.#leaving.signal);
  }

  /** Runs nothing more, and gives back at once the jobs that do not run yet. */
  stop(): void {
    this.#leaving.abort();
    this.attempts.releaseWaiting(this.#inHand);
  }

  /** Gives back the jobs that are still undecided, and stops the prediction that runs. */
  abandon(): void {
    this.attempts.abandon(this.#inHand);
  }

  async #predict(
    jobs: readonly HeldJob[],
    version: ModelVersion,
    run: MicroBatchRun,
    span: Span,
  ): Promise<void> {
    const { settlement, metrics, log } = this.#lane;
    const startMs = performance.now();
    const inputs = jobs.map((job) => job.claimed.input);
    const columns = await inSpan(span.child('prepare'), () => version.toColumns(inputs));
    run.prepareMs = performance.now() - startMs;
    const { outputs, predictMs } = await inSpan(span.child('predict'), () =>
      version.inference.predict(columns),
    );
    run.predictMs = predictMs;
    metrics.ran(run);
    log.debug('micro-batch run', () => ({
      model: run.queue,
      jobs: jobs.length,
      job_ids: jobs.map(({ claimed }) => claimed.id),
      prepare_ms: run.prepareMs,
      predict_ms: run.predictMs,
    }));
    const verdicts = jobs.flatMap((job, row) =>
      job.decide() ? [{ job, verdict: verdictOf(version, outputs, row) }] : [],
    );
    if (verdicts.length > 0) settlement.commit(run, verdicts);
  }
}

function verdictOf({ readRow }: ModelVersion, outputs: readonly Float32Array[], row: number): Verdict {
  const read = readRow(outputs, row);
  return read.ok ? read : { ok: false, code: 'invalid_output', message: read.message };
}
