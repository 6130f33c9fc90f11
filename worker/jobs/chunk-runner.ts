import { setTimeout as sleep } from 'node:timers/promises';
import { type ChunkRows, decodeChunk } from '../../shared/batches/chunk-codec.js';
import type { ChunkLeases } from '../../shared/batches/chunk-leases.js';
import { jobIds } from '../../shared/batches/chunk-queue.js';
import { messageOf, RedisUnavailableError } from '../../shared/errors.js';
import type { FailureCode } from '../../shared/jobs/job.js';
import type { Claim, ClaimRequest, JobLeases } from '../../shared/jobs/job-leases.js';
import type { Logger } from '../../shared/log/logger.js';
import type { Delivery } from '../../shared/queue/bee-queue.js';
import { inSpan, type Tracer } from '../../shared/tracing/tracer.js';
import type { Prediction } from '../inference/child/model-runtime.js';
import { InferenceLostError } from '../inference/inference-errors.js';
import type { LaneMetrics } from '../metrics.js';
import type { LoadedModel } from '../models/loaded-model.js';
import type { ModelVersion } from '../models/model-version.js';
import type { EndTurn } from '../models/turns.js';
import { backoffMs, REDIS_BACKOFF } from '../../shared/process/backoff.js';
import { createClaimIds } from './claim-ids.js';
import { claimFields, HeldJob } from './held-job.js';
import type { LeaseKeeper, Leave } from './lease-keeper.js';
import { RunWatch } from './run-watch.js';
import { failureMessageOf, type Settlement, type Unclaimed } from './settlement.js';
import { startJobSpan, startRunSpan } from './spans.js';

/** What a runner of chunks works with. */
export interface ChunkRunnerOptions {
  /** The model's chunk queue. */
  queue: string;
  model: LoadedModel;
  /** Of the chunk queue. */
  settlement: Settlement;
  leases: JobLeases;
  chunks: ChunkLeases;
  keeper: LeaseKeeper;
  metrics: LaneMetrics;
  tracer: Tracer;
  leaseMs: number;
  log: Logger;
}

/** Runs chunks of batches, each by the rules of a job: claim, lease, one turn of the model, fenced commit. */
export class ChunkRunner {
  readonly #options: ChunkRunnerOptions;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #inHand = new Set<HeldJob>();
  readonly #newClaimId = createClaimIds();
  #watch: RunWatch | undefined;
  #predicting: HeldJob | undefined;

  constructor(options: ChunkRunnerOptions) {
    this.#options = options;
  }

  /** Takes a delivery. Resolves when its chunk is dealt with; never rejects. */
  handle(delivery: Delivery): Promise<void> {
    const handled = new Promise<void>((resolve) => {
      this.#take(delivery, resolve).catch((error: unknown) => {
        this.#options.log.error('chunk not run', { ...jobIds(delivery.jobId), error: messageOf(error) });
        resolve();
      });
    }).finally(() => this.#running.delete(handled));
    this.#running.add(handled);
    return handled;
  }

  /**
   * Claims nothing more, gives back what has not begun to run, and after `finishMs` what runs. Resolves when Redis has it
   * all.
   */
  async drain(finishMs: number): Promise<void> {
    this.#stopping.abort();
    const { settlement } = this.#options;
    settlement.release([...this.#inHand].filter((job) => job !== this.#predicting));
    const late = setTimeout(() => this.#abandon(), finishMs);
    await Promise.all(this.#running);
    clearTimeout(late);
    await settlement.settled();
  }

  async #take(delivery: Delivery, done: () => void): Promise<void> {
    const { model } = this.#options;
    const request = { ...delivery, claimId: this.#newClaimId() };
    // While another may run: a loss says nothing about this one.
    const claim = await this.#claim(request, true);
    if (claim?.kind !== 'later') return this.#accept(claim, { request, done });
    // Its worker was lost before: it is claimed when it can run at once, so that a loss is its own.
    const endTurn = await model.turns.take('chunks');
    try {
      await this.#isReady();
      await this.#accept(await this.#claim(request, false), { request, done }, endTurn);
    } finally {
      endTurn();
    }
  }

  /** @param endTurn of the model, where the chunk has it already */
  async #accept(claim: Claim | undefined, { request, done }: Unclaimed, endTurn?: EndTurn): Promise<void> {
    const { queue, settlement, keeper, tracer, log } = this.#options;
    if (!claim) return settlement.handBack([{ request, done }]);
    if (claim.kind !== 'run') {
      log.debug('delivery not wanted', { ...jobIds(request.jobId), why: claim.kind });
      return done();
    }
    this.#options.metrics.claimed(claim.job);
    const job = new HeldJob(claim.job, done, startJobSpan(tracer, queue, claim.job));
    if (log.isEnabled('debug')) log.debug('job claimed', claimFields(job));
    this.#inHand.add(job);
    keeper.hold(job, (left, why) => this.#leave(left, why));
    try {
      await this.#run(job, endTurn);
    } catch (error) {
      // Undecided it would stay in this worker's hands, its lease renewed, for ever.
      log.error('chunk not run', { ...job.ids, error: messageOf(error) });
      this.#fail(job, 'model_error', failureMessageOf(error));
    } finally {
      this.#inHand.delete(job);
    }
  }

  /** Undefined when the worker was told to stop before Redis answered. */
  async #claim(request: ClaimRequest, isAhead: boolean): Promise<Claim | undefined> {
    const { leases, leaseMs, log } = this.#options;
    for (let failures = 0; !this.#stopping.signal.aborted; ) {
      try {
        return (await leases.claim([request], leaseMs, isAhead))[0];
      } catch (error) {
        // What Redis refuses it would refuse again: the sweeper brings back what still waits.
        if (!(error instanceof RedisUnavailableError)) throw error;
        failures += 1;
        if (failures % 20 === 1) {
          log.warn('chunk not claimed yet', { ...jobIds(request.jobId), error: messageOf(error) });
        }
        const pauseMs = backoffMs(failures, REDIS_BACKOFF);
        await sleep(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      }
    }
    return undefined;
  }

  async #run(job: HeldJob, turn?: EndTurn): Promise<void> {
    const { model, settlement, chunks } = this.#options;
    const packed = await settlement.through('read', () => chunks.columns(job.claimed.id));
    const endTurn = turn ?? (await model.turns.take('chunks'));
    try {
      // Without its columns the batch was canceled meanwhile.
      if (!job.isLive || !packed) return this.#leave(job, 'canceling');
      if (!(await this.#isReady())) return settlement.release([job]);
      await this.#predict(job, packed);
    } finally {
      endTurn();
    }
  }

  /** Waits until the model can predict; false when it never will, or this worker was told to stop. */
  async #isReady(): Promise<boolean> {
    const { signal } = this.#stopping;
    return this.#options.model.current.inference.ready(signal).then(
      () => !signal.aborted,
      () => false,
    );
  }

  async #predict(job: HeldJob, packed: Buffer): Promise<void> {
    const version = this.#options.model.current;
    let rows: ChunkRows;
    try {
      rows = decodeChunk(version.layout, packed);
    } catch (error) {
      return this.#fail(job, 'model_error', messageOf(error));
    }
    this.#predicting = job;
    this.#watch = new RunWatch([job], {
      timedOut: () => this.#retry(job, 'timeout', `one attempt ran longer than ${job.claimed.timeoutMs} ms`),
      kill: (reason) => version.inference.kill(reason),
    });
    try {
      const prediction = await inSpan(startRunSpan([job], version), () =>
        version.inference.predict(rows.columns),
      );
      this.#commit(job, version, rows, prediction);
    } catch (error) {
      const message = failureMessageOf(error);
      if (!(error instanceof InferenceLostError)) this.#fail(job, 'model_error', message);
      else if (error.loss === 'ended') this.#options.settlement.release([job]);
      else this.#retry(job, 'worker_lost', message);
    } finally {
      this.#watch.end();
      this.#watch = undefined;
      this.#predicting = undefined;
    }
  }

  #commit(job: HeldJob, version: ModelVersion, { columns, holes }: ChunkRows, prediction: Prediction): void {
    if (!job.decide()) return;
    const { settlement, chunks, queue } = this.#options;
    const { outputs } = prediction;
    const { rows } = columns;
    for (const hole of holes) for (const output of outputs) output[hole] = Number.NaN;
    let rowsSucceeded = 0;
    for (let row = 0; row < rows; row += 1) if (version.isValidRow(outputs, row)) rowsSucceeded += 1;
    const rowsFailed = rows - holes.length - rowsSucceeded;
    this.#options.metrics.ran({ jobs: 1, prepareMs: 0, predictMs: prediction.predictMs });
    const run = { queue, modelVersion: version.manifest.version, outputs, rowsSucceeded, rowsFailed };
    job.span.set({ 'waggle.rows': rows, 'waggle.predict_ms': prediction.predictMs });
    settlement.write(job, 'chunk commit', () => chunks.commit(job.claimed, run));
  }

  /** A batch is canceled, or its chunk lost to another worker, while the chunk is held here. */
  #leave(job: HeldJob, why: Leave): void {
    if (why === 'lost') {
      if (job.decide()) this.#options.settlement.forget(job);
    } else {
      // Any outcome will do: the record of a chunk that is being canceled takes none.
      this.#fail(job, 'model_error', 'canceled');
    }
    this.#watch?.left(job, why);
  }

  #fail(job: HeldJob, code: FailureCode, message: string): void {
    if (!job.decide()) return;
    const { settlement, queue, model } = this.#options;
    const modelVersion = model.current.manifest.version;
    const run = { queue, modelVersion, prepareMs: 0, predictMs: 0, batchSize: 1 };
    settlement.commit(run, [{ job, verdict: { ok: false, code, message } }]);
  }

  #retry(job: HeldJob, code: FailureCode, message: string): void {
    if (job.decide()) this.#options.settlement.retry([job], code, message);
  }

  #abandon(): void {
    this.#options.settlement.release([...this.#inHand]);
    if (this.#watch) void this.#options.model.current.inference.end();
  }
}
