import type { MicroBatchRun, Verdict } from '../../shared/jobs/claimed-job.js';
import { mostRowsOf } from '../../shared/model/columns.js';
import { inSpan, type Span } from '../../shared/tracing/tracer.js';
import type { ModelVersion } from '../models/model-version.js';
import type { HeldJob } from './held-job.js';
import type { Lane } from './lane.js';
import type { Runner } from './micro-batcher.js';

/** Runs single jobs. */
export class MicroBatchRunner implements Runner {
  readonly #lane: Lane;
  readonly #leaving = new AbortController();
  #inHand: readonly HeldJob[] = [];

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  get most(): number {
    const { model, maxBatch } = this.#lane;
    return mostRowsOf(model.current.manifest, model.current.layout, maxBatch);
  }

  accept(): void {
    // All that it needs is in the record.
  }

  async run(jobs: readonly HeldJob[]): Promise<boolean> {
    const { model, settlement, attempts } = this.#lane;
    const version = model.current;
    this.#inHand = jobs;
    try {
      await this.ready().catch(() => settlement.release(jobs));
      if (this.#leaving.signal.aborted) settlement.release(jobs);
      const live = jobs.filter((job) => job.isLive);
      if (live.length === 0) return true;
      return await attempts.run(live, version, (run, span) => this.#predict(live, version, run, span));
    } finally {
      this.#inHand = [];
    }
  }

  ready(): Promise<void> {
    return this.#lane.model.current.inference.ready(this.#leaving.signal);
  }

  stop(): void {
    this.#leaving.abort();
    this.#lane.attempts.releaseWaiting(this.#inHand);
  }

  abandon(): void {
    this.#lane.attempts.abandon(this.#inHand);
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
    const { outputs, predictMs, faults } = await inSpan(span.child('predict'), () =>
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
      job.decide() ? [{ job, verdict: verdictOf(version, outputs, row, faults?.[row]) }] : [],
    );
    if (verdicts.length > 0) settlement.commit(run, verdicts);
  }
}

function verdictOf(
  { readRow }: ModelVersion,
  outputs: readonly Float32Array[],
  row: number,
  fault: string | undefined,
): Verdict {
  if (fault !== undefined) return { ok: false, code: 'invalid_input', message: fault };
  const read = readRow(outputs, row);
  return read.ok ? read : { ok: false, code: 'invalid_output', message: read.message };
}
