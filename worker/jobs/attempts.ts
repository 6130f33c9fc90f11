import { messageOf } from '../../shared/errors.js';
import type { ClaimedJob, MicroBatchRun } from '../../shared/jobs/claimed-job.js';
import type { WorkerPartition } from '../intake/worker-partition.js';
import type { Span, Tracer } from '../../shared/tracing/tracer.js';
import { InferenceLostError } from '../inference/inference-errors.js';
import type { LoadedModel } from '../models/loaded-model.js';
import type { ModelVersion } from '../models/model-version.js';
import { HeldJob } from './held-job.js';
import type { Leave } from './lease-keeper.js';
import { RunWatch } from './run-watch.js';
import type { Settlement, SettlementServices } from './settlement.js';
import { startJobSpan, startRunSpan } from './spans.js';

/** Longest error message of a model that a record keeps, in characters. */
const MESSAGE_LENGTH = 500;

/** One queue of one model, and the services with which its jobs are claimed and settled. */
export interface LaneServices extends SettlementServices {
  kind: 'jobs' | 'chunks';
  model: LoadedModel;
  settlement: Settlement;
  tracer: Tracer;
  /** Most jobs in one micro-batch. */
  maxBatch: number;
  leaseMs: number;
}

/**
 * Attempts at the jobs of one lane: holds claimed jobs, watches the prediction, and decides the jobs that get no result. One
 * prediction at a time.
 */
export class Attempts {
  readonly #lane: LaneServices;
  readonly #onLeave = (job: HeldJob, why: Leave): void => this.#leave(job, why);
  #running: readonly HeldJob[] = [];
  #watch: RunWatch | undefined;

  constructor(lane: LaneServices) {
    this.#lane = lane;
  }

  /** Holds a claimed job until it is decided. */
  accept(claimed: ClaimedJob, partition: WorkerPartition): HeldJob {
    const { queue, metrics, tracer, log } = this.#lane;
    metrics.claimed(claimed);
    const job = new HeldJob(claimed, partition, startJobSpan(tracer, queue, claimed));
    log.debug('job claimed', () => job.claimFields);
    partition.keeper.hold(job, this.#onLeave);
    return job;
  }

  /**
   * Runs a prediction for claimed jobs, and ends it where it takes too long for one of them. Jobs of a prediction that
   * fails are decided here. False when the prediction took the process with it.
   *
   * @param predict decides the jobs, and fills in how long its parts took
   */
  async run(
    jobs: readonly HeldJob[],
    version: ModelVersion,
    predict: (run: MicroBatchRun, span: Span) => Promise<void>,
  ): Promise<boolean> {
    const run = this.#runOf(version, jobs.length);
    const span = startRunSpan(jobs, version);
    const watch = new RunWatch(jobs, {
      timedOut: (job) => this.#timedOut(job),
      kill: (reason) => version.inference.kill(reason),
    });
    this.#running = jobs;
    this.#watch = watch;
    try {
      await predict(run, span);
      return true;
    } catch (error) {
      span.fail(messageOf(error));
      this.#blame(jobs, error, run);
      return !(error instanceof InferenceLostError);
    } finally {
      span.end();
      watch.end();
      this.#watch = undefined;
      this.#running = [];
    }
  }

  /** Ends a job with an error. */
  fail(job: HeldJob, error: unknown): void {
    if (job.decide()) this.#commitFailure(job, error, this.#runOf(this.#lane.model.current, 1));
  }

  /** Gives back those of the jobs that do not run yet. */
  releaseWaiting(jobs: readonly HeldJob[]): void {
    this.#lane.settlement.release(jobs.filter((job) => !this.#running.includes(job)));
  }

  /** Gives back those of the jobs that are undecided, and stops the prediction that runs. */
  abandon(jobs: readonly HeldJob[]): void {
    this.#lane.settlement.release(jobs);
    if (this.#watch) void this.#lane.model.current.inference.end();
  }

  /** A job is canceled, or lost to another worker, while it is held here. */
  #leave(job: HeldJob, why: Leave): void {
    if (!job.decide()) return;
    if (why === 'lost') this.#lane.settlement.forget(job);
    // The commit turns any outcome of a job that somebody wishes to cancel into `canceled`.
    else this.#commitFailure(job, 'canceled', this.#runOf(this.#lane.model.current, 0));
    this.#watch?.left(job, why);
  }

  #timedOut(job: HeldJob): void {
    if (!job.decide()) return;
    const message = `one attempt ran longer than the job's timeout of ${job.claimed.record.timeoutMs} ms`;
    this.#lane.settlement.retry(job, 'timeout', message);
  }

  /**
   * The failure of a micro-batch of several, or a timeout of one of them, does not show which job is to blame. So all go
   * back to the queue, before those that wait, to be run one by one, by any worker; only what fails alone fails.
   */
  #blame(jobs: readonly HeldJob[], error: unknown, run: MicroBatchRun): void {
    const { settlement, log } = this.#lane;
    const [job] = jobs;
    const message = messageFor(error);
    if (error instanceof InferenceLostError && error.loss === 'ended') settlement.release(jobs);
    else if (!job || jobs.length > 1) {
      log.warn('micro-batch failed, running its jobs one by one', { jobs: jobs.length, error: message });
      settlement.release(jobs, 'alone');
    } else if (!job.decide()) return;
    else if (error instanceof InferenceLostError) settlement.retry(job, 'worker_lost', message);
    else this.#commitFailure(job, error, run);
  }

  #commitFailure(job: HeldJob, error: unknown, run: MicroBatchRun): void {
    const { kind, settlement } = this.#lane;
    const code = 'model_error';
    const message = messageFor(error);
    const verdict = { ok: false, code, message } as const;
    if (kind === 'jobs') return settlement.commit(run, [{ job, verdict }]);
    settlement.write(job, 'chunk', () => job.partition.chunks.fail(job.claimed, code, message), verdict);
  }

  #runOf(version: ModelVersion, batchSize: number): MicroBatchRun {
    const { queue } = this.#lane;
    return { queue, modelVersion: version.manifest.version, prepareMs: 0, predictMs: 0, batchSize };
  }
}

const messageFor = (error: unknown): string => messageOf(error).slice(0, MESSAGE_LENGTH);
