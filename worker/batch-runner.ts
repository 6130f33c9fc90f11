import { messageOf } from '../shared/errors.js';
import type { BatchRun } from '../shared/jobs/job-leases.js';
import type { Logger } from '../shared/log/logger.js';
import { inSpan } from '../shared/tracing/tracer.js';
import type { BatchStats } from './batch-stats.js';
import type { HeldJob } from './held-job.js';
import { InferenceLostError } from './inference/inference-errors.js';
import type { Prediction } from './inference/model-runtime.js';
import type { Leave } from './lease-keeper.js';
import type { LaneMetrics } from './metrics.js';
import type { ModelVersion } from './model-version.js';
import { RunWatch } from './run-watch.js';
import type { ServedModel } from './served-model.js';
import type { Settlement, Verdict } from './settlement.js';
import { startRunSpan } from './spans.js';

/** What a runner works with. */
export interface BatchRunnerOptions {
  queue: string;
  model: ServedModel;
  settlement: Settlement;
  stats: BatchStats;
  metrics: LaneMetrics;
  log: Logger;
}

/** What a model's own error message may take up in a job's record, in characters. */
const MESSAGE_LENGTH = 500;

/**
 * Runs claimed jobs and decides each of them. To be called within a turn of the model, one call at a time.
 *
 * Whatever fails a batch of several says nothing about who is to blame, so they run again one by one, and only what
 * fails alone fails. A job whose earlier attempt went wrong is run alone from the start: it may be the one that takes
 * batches down, and others must not go down with it again.
 */
export class BatchRunner {
  readonly #options: BatchRunnerOptions;
  readonly #inHand = new Set<HeldJob>();
  #watch: RunWatch | undefined;

  constructor(options: BatchRunnerOptions) {
    this.#options = options;
  }

  /** Resolves when every job is decided; what was decided is written meanwhile and after. */
  async run(jobs: readonly HeldJob[]): Promise<void> {
    for (const job of jobs) this.#inHand.add(job);
    const together = jobs.filter((job) => job.claimed.attempts === 1);
    const alone = jobs.filter((job) => job.claimed.attempts > 1);
    if (!(await this.#predict(together))) alone.unshift(...together);
    for (const job of alone) await this.#predict([job]);
    for (const job of jobs) this.#inHand.delete(job);
  }

  /** A job is canceled, or lost to another worker, while it is held here. */
  leave(job: HeldJob, why: Leave): void {
    if (!job.decide()) return;
    if (why === 'lost') this.#options.settlement.forget(job);
    else {
      // Any outcome will do: the record of a job that is being canceled takes none.
      this.#commit([{ job, verdict: CANCELED }], this.#runOf(this.#options.model.current, 0));
    }
    this.#watch?.look();
  }

  /** Gives back what is still undecided, and stops the prediction that runs. */
  abandon(): void {
    const left = [...this.#inHand].filter((job) => job.decide());
    this.#options.settlement.release(left);
    if (this.#watch) void this.#options.model.current.inference.end();
  }

  /** One prediction. False when it failed and several jobs shared it: those still live have to run alone. */
  async #predict(jobs: readonly HeldJob[]): Promise<boolean> {
    const version = this.#options.model.current;
    try {
      await version.inference.ready();
    } catch {
      this.#options.settlement.release(jobs.filter((job) => job.decide()));
    }
    const live = jobs.filter((job) => job.isLive);
    if (live.length === 0) return true;
    const span = startRunSpan(live, version);
    const startMs = performance.now();
    let prepareMs = 0;
    const watch = this.#watchOver(live, version);
    try {
      const inputs = live.map((job) => job.claimed.input);
      const batch = await inSpan(span.child('prepare'), () => version.toColumns(inputs));
      prepareMs = performance.now() - startMs;
      const prediction = await inSpan(span.child('predict'), () => version.inference.predict(batch));
      this.#succeed(live, prediction, this.#runOf(version, live.length, { ...prediction, prepareMs }));
      return true;
    } catch (error) {
      span.fail(messageOf(error));
      return this.#blame(live, error, this.#runOf(version, live.length, { predictMs: 0, prepareMs }));
    } finally {
      span.end();
      watch.end();
      this.#watch = undefined;
    }
  }

  #watchOver(jobs: readonly HeldJob[], version: ModelVersion): RunWatch {
    this.#watch = new RunWatch(jobs, {
      timedOut: (due) => {
        for (const job of due) {
          job.decide();
          const message = `one attempt ran longer than the job's timeout of ${job.claimed.timeoutMs} ms`;
          this.#options.settlement.retry([job], 'timeout', message);
        }
      },
      kill: (reason) => version.inference.kill(reason),
    });
    return this.#watch;
  }

  #succeed(jobs: readonly HeldJob[], { outputs }: Prediction, run: Run): void {
    this.#options.stats.ran(jobs.length);
    this.#options.metrics.ran({ ...run, jobs: jobs.length });
    this.#sayRun(jobs, run);
    const verdicts = jobs.flatMap((job, row) =>
      job.decide() ? [{ job, verdict: verdictOf(run.version, outputs, row) }] : [],
    );
    this.#commit(verdicts, run);
  }

  #sayRun(jobs: readonly HeldJob[], { queue, prepareMs, predictMs }: Run): void {
    const { log } = this.#options;
    if (!log.isEnabled('debug')) return;
    log.debug('micro-batch run', {
      model: queue,
      jobs: jobs.length,
      job_ids: jobs.map(({ claimed }) => claimed.id),
      prepare_ms: prepareMs,
      predict_ms: predictMs,
    });
  }

  #blame(jobs: readonly HeldJob[], error: unknown, run: Run): boolean {
    const [job] = jobs;
    const message = messageOf(error).slice(0, MESSAGE_LENGTH);
    if (!job || jobs.length > 1) {
      this.#options.log.warn('batch failed, running its jobs one by one', {
        jobs: jobs.length,
        error: message,
      });
      return false;
    }
    if (!job.decide()) return true;
    if (!(error instanceof InferenceLostError)) {
      this.#commit([{ job, verdict: { ok: false, code: 'model_error', message } }], run);
    } else if (error.loss === 'ended') this.#options.settlement.release([job]);
    else this.#options.settlement.retry([job], 'worker_lost', message);
    return true;
  }

  #commit(verdicts: readonly { job: HeldJob; verdict: Verdict }[], run: Run): void {
    const { settlement, stats } = this.#options;
    if (verdicts.length > 0) settlement.commit(run, verdicts, (jobs) => stats.committed(jobs));
  }

  #runOf(version: ModelVersion, batchSize: number, spent = { prepareMs: 0, predictMs: 0 }): Run {
    return {
      version,
      queue: this.#options.queue,
      modelVersion: version.manifest.version,
      prepareMs: spent.prepareMs,
      predictMs: spent.predictMs,
      batchSize,
    };
  }
}

type Run = BatchRun & { version: ModelVersion };

const CANCELED: Verdict = { ok: false, code: 'model_error', message: 'canceled' };

function verdictOf({ readRow }: ModelVersion, outputs: readonly Float32Array[], row: number): Verdict {
  const read = readRow(outputs, row);
  return read.ok ? read : { ok: false, code: 'invalid_output', message: read.message };
}
