import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, RedisUnavailableError } from '../shared/errors.js';
import type { Claim, JobLeases } from '../shared/jobs/job-leases.js';
import type { Logger } from '../shared/log/logger.js';
import type { Delivery } from '../shared/queue/bee-queue.js';
import type { Tracer } from '../shared/tracing/tracer.js';
import { backoffMs, REDIS_BACKOFF } from './backoff.js';
import type { BatchRunner } from './batch-runner.js';
import { createClaimIds } from './claim-ids.js';
import { claimFields, HeldJob } from './held-job.js';
import type { LeaseKeeper } from './lease-keeper.js';
import type { LaneMetrics } from './metrics.js';
import type { ServedModel } from './served-model.js';
import type { Settlement, Unclaimed } from './settlement.js';
import { startJobSpan } from './spans.js';

/** What a batcher works with. */
export interface BatcherOptions {
  queue: string;
  model: ServedModel;
  runner: BatchRunner;
  settlement: Settlement;
  leases: JobLeases;
  keeper: LeaseKeeper;
  metrics: LaneMetrics;
  tracer: Tracer;
  maxBatch: number;
  leaseMs: number;
  log: Logger;
}

/**
 * Turns deliveries into micro-batches, without a timer: what has come is run as soon as the model is idle, and what
 * comes while it is busy gathers. A lone job never waits, and load makes the batches grow.
 */
export class Batcher {
  readonly #options: BatcherOptions;
  readonly #stopping = new AbortController();
  readonly #newClaimId = createClaimIds();
  #unclaimed: Unclaimed[] = [];
  #working: Promise<void> | undefined;
  #claimFailures = 0;

  constructor(options: BatcherOptions) {
    this.#options = options;
  }

  /** Takes a delivery. Resolves when its job is dealt with; never rejects. */
  handle(delivery: Delivery): Promise<void> {
    return new Promise((done) => {
      this.#unclaimed.push({ request: { ...delivery, claimId: this.#newClaimId() }, done });
      this.#working ??= this.#work().finally(() => {
        this.#working = undefined;
      });
    });
  }

  /**
   * Claims nothing more, gives back what is unclaimed, and lets the jobs in hand finish; after `finishMs` those are
   * given back too. Resolves when Redis has it all.
   */
  async drain(finishMs: number): Promise<void> {
    const { runner, settlement } = this.#options;
    this.#stopping.abort();
    this.#handBack();
    const late = setTimeout(() => runner.abandon(), finishMs);
    await this.#working;
    clearTimeout(late);
    await settlement.settled();
  }

  async #work(): Promise<void> {
    const { model, runner, log } = this.#options;
    while (this.#unclaimed.length > 0 && !this.#stopping.signal.aborted) {
      const endTurn = await model.turns.take('jobs');
      try {
        await model.current.inference.ready();
        await runner.run(await this.#claim());
      } catch (error) {
        log.error('micro-batch not run', { error: messageOf(error) });
        await this.#pause();
      } finally {
        endTurn();
      }
    }
    this.#handBack();
  }

  /** Claims what has come, up to a full batch. While Redis is away it keeps everything, to claim it under the same ids. */
  async #claim(): Promise<HeldJob[]> {
    const { leases, leaseMs, maxBatch } = this.#options;
    if (this.#stopping.signal.aborted) return [];
    const taken = this.#unclaimed.splice(0, maxBatch);
    try {
      const requests = taken.map(({ request }) => request);
      const claims = await leases.claim(requests, leaseMs);
      this.#claimFailures = 0;
      return taken.flatMap((unclaimed, index) => this.#accept(claims[index], unclaimed));
    } catch (error) {
      await this.#claimFailed(taken, error);
      return [];
    }
  }

  async #claimFailed(taken: readonly Unclaimed[], error: unknown): Promise<void> {
    const { log } = this.#options;
    const fields = { jobs: taken.length, error: messageOf(error) };
    if (!(error instanceof RedisUnavailableError)) {
      // What Redis refuses it would refuse again: the sweeper brings back what still waits.
      log.error('jobs not claimed', fields);
      for (const { done } of taken) done();
      return;
    }
    this.#unclaimed.unshift(...taken);
    this.#claimFailures += 1;
    if (this.#claimFailures % 20 === 1) log.warn('jobs not claimed yet', fields);
    await this.#pause();
  }

  #accept(claim: Claim | undefined, { request, done }: Unclaimed): HeldJob[] {
    const { queue, keeper, runner, metrics, tracer, log } = this.#options;
    if (claim?.kind !== 'run') {
      if (claim?.kind === 'unreadable') {
        log.error('job record of another version left alone', { job_id: request.jobId });
      } else log.debug('delivery not wanted', { job_id: request.jobId, why: claim?.kind });
      done();
      return [];
    }
    metrics.waited(claim.job.waitedMs);
    const job = new HeldJob(claim.job, done, startJobSpan(tracer, queue, claim.job));
    if (log.isEnabled('debug')) log.debug('job claimed', claimFields(job));
    keeper.hold(job, (left, why) => runner.leave(left, why));
    return [job];
  }

  async #pause(): Promise<void> {
    const pauseMs = backoffMs(Math.max(this.#claimFailures, 1), REDIS_BACKOFF);
    await sleep(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  #handBack(): void {
    const unclaimed = this.#unclaimed;
    if (unclaimed.length === 0) return;
    this.#unclaimed = [];
    void this.#options.settlement.handBack(unclaimed);
  }
}
