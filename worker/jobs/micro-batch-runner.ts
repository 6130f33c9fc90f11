import { messageOf } from '../../shared/errors.js';
import type { MicroBatchRun } from '../../shared/jobs/job-leases.js';
import type { Logger } from '../../shared/log/logger.js';
import { inSpan } from '../../shared/tracing/tracer.js';
import type { Prediction } from '../inference/child/model-runtime.js';
import { InferenceLostError } from '../inference/inference-errors.js';
import type { LaneMetrics } from '../metrics.js';
import type { LoadedModel } from '../models/loaded-model.js';
import type { ModelVersion } from '../models/model-version.js';
import type { HeldJob } from './held-job.js';
import type { Leave } from './lease-keeper.js';
import type { MicroBatchStats } from './micro-batch-stats.js';
import { RunWatch } from './run-watch.js';
import { failureMessageOf, type Settlement, type Verdict } from './settlement.js';
import { startRunSpan } from './spans.js';

/** What a runner works with. */
export interface MicroBatchRunnerOptions {
  queue: string;
  model: LoadedModel;
  settlement: Settlement;
  stats: MicroBatchStats;
  metrics: LaneMetrics;
  log: Logger;
}

/**
 * Runs claimed jobs and decides each of them. To be called within a turn of the model, one call at a time.
 *
 * The failure of a batch of several, or a timeout of one of them, does not show which job is to blame. So all go back
 * to the queue, before those that wait, to be run one by one, by any worker; only what fails alone fails.
 */
export class MicroBatchRunner {
  readonly #options: MicroBatchRunnerOptions;
  readonly #leaving = new AbortController();
  #inHand: readonly HeldJob[] = [];
  #watch: RunWatch | undefined;

  constructor(options: MicroBatchRunnerOptions) {
    this.#options = options;
  }

  /**
   * Resolves when every job is decided, with whether the model is there for the next; what was decided is written meanwhile
   * and after.
   */
  async run(jobs: readonly HeldJob[]): Promise<boolean> {
    this.#inHand = jobs;
    try {
      return await this.#predict(jobs);
    } finally {
      this.#inHand = [];
    }
  }

  /** Resolves when the model can predict, or {@link stop} was called. */
  ready(): Promise<void> {
    return this.#options.model.current.inference.ready(this.#leaving.signal);
  }

  /** Runs nothing more, and gives back at once what does not run yet. */
  stop(): void {
    this.#leaving.abort();
    if (!this.#watch) this.#options.settlement.release(this.#inHand);
  }

  /** A job is canceled, or lost to another worker, while it is held here. */
  leave(job: HeldJob, why: Leave): void {
    if (!job.decide()) return;
    if (why === 'lost') this.#options.settlement.forget(job);
    else {
      // Any outcome will do: the record of a job that is being canceled takes none.
      this.#commit([{ job, verdict: CANCELED }], this.#runOf(this.#options.model.current, 0));
    }
    this.#watch?.left(job, why);
  }

  /** Gives back what is still undecided, and stops the prediction that runs. */
  abandon(): void {
    this.#options.settlement.release(this.#inHand);
    if (this.#watch) void this.#options.model.current.inference.end();
  }

  /** One prediction. False when it took the process with it. */
  async #predict(jobs: readonly HeldJob[]): Promise<boolean> {
    const version = this.#options.model.current;
    await this.ready().catch(() => this.#options.settlement.release(jobs));
    if (this.#leaving.signal.aborted) this.#options.settlement.release(jobs);
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
      this.#blame(live, error, this.#runOf(version, live.length, { predictMs: 0, prepareMs }));
      return !(error instanceof InferenceLostError);
    } finally {
      span.end();
      watch.end();
      this.#watch = undefined;
    }
  }

  #watchOver(jobs: readonly HeldJob[], version: ModelVersion): RunWatch {
    this.#watch = new RunWatch(jobs, {
      timedOut: (job) => {
        if (!job.decide()) return;
        const message = `one attempt ran longer than the job's timeout of ${job.claimed.timeoutMs} ms`;
        this.#options.settlement.retry([job], 'timeout', message);
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

  #blame(jobs: readonly HeldJob[], error: unknown, run: Run): void {
    const { settlement, log } = this.#options;
    const [job] = jobs;
    const message = failureMessageOf(error);
    if (error instanceof InferenceLostError && error.loss === 'ended') settlement.release(jobs);
    else if (!job || jobs.length > 1) {
      log.warn('batch failed, running its jobs one by one', { jobs: jobs.length, error: message });
      settlement.release(jobs, 'apart');
    } else if (!job.decide()) return;
    else if (error instanceof InferenceLostError) settlement.retry([job], 'worker_lost', message);
    else this.#commit([{ job, verdict: { ok: false, code: 'model_error', message } }], run);
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

type Run = MicroBatchRun & { version: ModelVersion };

const CANCELED: Verdict = { ok: false, code: 'model_error', message: 'canceled' };

function verdictOf({ readRow }: ModelVersion, outputs: readonly Float32Array[], row: number): Verdict {
  const read = readRow(outputs, row);
  return read.ok ? read : { ok: false, code: 'invalid_output', message: read.message };
}
