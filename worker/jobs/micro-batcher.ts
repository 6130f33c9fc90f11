import { messageOf, RedisUnavailableError } from '../../shared/errors.js';
import type { Claim, TakeAlong } from '../../shared/jobs/job-leases.js';
import { backOff, REDIS_BACKOFF } from '../../shared/process/backoff.js';
import { type Delivery, parseTransportId } from '../../shared/queue/bee-queue.js';
import type { TakenDeliveries } from '../intake/taken-deliveries.js';
import { createClaimIds } from './claim-ids.js';
import type { HeldJob } from './held-job.js';
import type { Lane } from './lane.js';
import type { MicroBatchRunner } from './micro-batch-runner.js';
import { repeatWhileRedisIsAway } from './repeat-while-redis-is-away.js';
import type { Unclaimed } from './settlement.js';

/** While full micro-batches run in less time than this, in ms, the next one is claimed meanwhile. */
const CLAIM_AHEAD_MS = 50;

/** A claim that was sent, until it is answered. */
interface Call {
  unclaimed: readonly Unclaimed[];
  along: TakeAlong;
}

/**
 * Turns waiting jobs into micro-batches, without a timer. As soon as the model is idle, one claim takes the jobs that were
 * delivered and the oldest others in Bee-Queue's list, up to a full micro-batch. So a lone job never waits, and load
 * makes the micro-batches grow. Bee-Queue wakes a worker and does not have to hand out each job; jobs that this worker
 * cannot run yet are left to other workers.
 */
export class MicroBatcher {
  readonly #lane: Lane;
  readonly #runner: MicroBatchRunner;
  readonly #taken: TakenDeliveries;
  readonly #stopping = new AbortController();
  readonly #newClaimId = createClaimIds();
  #unclaimed: Unclaimed[] = [];
  #working: Promise<void> | undefined;
  /** Whether the last claim left jobs in Bee-Queue's list. */
  #mayBeMore = false;
  /** The next micro-batch, claimed while one runs. */
  #ahead: Promise<HeldJob[]> | undefined;
  #lastRunMs = Number.POSITIVE_INFINITY;
  /** A claim that Redis has not answered, to be repeated. */
  #unanswered: Call | undefined;
  #claimFailures = 0;

  constructor(lane: Lane, runner: MicroBatchRunner, taken: TakenDeliveries) {
    this.#lane = lane;
    this.#runner = runner;
    this.#taken = taken;
  }

  /** Takes a delivery. Resolves when its job is dealt with; never rejects. */
  handle(delivery: Delivery): Promise<void> {
    return new Promise((done) => {
      this.#unclaimed.push({ request: { ...delivery, claimId: this.#newClaimId() }, done });
      if (this.#stopping.signal.aborted) this.#handBack();
      else this.#working ??= this.#work();
    });
  }

  /**
   * Claims nothing more, gives back the jobs that do not run yet, and lets the jobs that run finish; after `finishMs` the
   * latter are given back, too. Resolves when Redis has all of them.
   */
  async drain(finishMs: number): Promise<void> {
    this.#stopping.abort();
    this.#handBack();
    this.#runner.stop();
    const ahead = this.#giveBackAhead();
    const late = setTimeout(() => this.#runner.abandon(), finishMs);
    await Promise.all([this.#working, ahead]);
    await this.#giveBackUnanswered();
    clearTimeout(late);
    await this.#lane.settlement.settled();
  }

  async #work(): Promise<void> {
    const { model, maxBatch, log } = this.#lane;
    while (!this.#stopping.signal.aborted && this.#hasMore()) {
      const endTurn = await model.turns.take('jobs');
      try {
        await this.#runner.ready();
        const claiming = this.#ahead ?? this.#claim(false);
        this.#ahead = undefined;
        const jobs = await claiming;
        const isFull = jobs.length === maxBatch;
        if (isFull && this.#mayClaimAhead()) this.#ahead = this.#claim(true);
        const startMs = performance.now();
        const isThere = await this.#runner.run(jobs);
        if (isFull) this.#lastRunMs = performance.now() - startMs;
        // Other workers run the next micro-batch sooner than a process can start here.
        if (!isThere) await this.#giveBackAhead();
      } catch (error) {
        log.error('micro-batch not run', { error: messageOf(error) });
        await this.#pause();
      } finally {
        endTurn();
      }
    }
    // No await since #hasMore(), so no delivery can slip in between: handle() restarts the loop.
    this.#working = undefined;
  }

  async #giveBackAhead(): Promise<void> {
    const claiming = this.#ahead;
    this.#ahead = undefined;
    this.#lane.settlement.release((await claiming) ?? []);
  }

  /** Sends a claim without an answer again, to learn which jobs it took, and gives these back. */
  async #giveBackUnanswered(): Promise<void> {
    const { settlement, log } = this.#lane;
    const call = this.#unanswered;
    if (!call) return;
    try {
      const jobs = await repeatWhileRedisIsAway(() => this.#send(call), {
        warning: 'claim not answered yet',
        log,
        signal: settlement.abandoned,
      });
      settlement.release(jobs ?? []);
    } catch (error) {
      log.error('jobs not claimed', { jobs: call.unclaimed.length, error: messageOf(error) });
    }
    // The sweeper brings back the jobs of a claim that Redis refused, or did not answer in time.
    for (const { done } of this.#unanswered?.unclaimed ?? []) done();
  }

  /** A micro-batch that is claimed ahead is kept from other workers while one runs, so that time has to be short. */
  #mayClaimAhead(): boolean {
    return this.#mayBeMore && this.#lastRunMs < CLAIM_AHEAD_MS && !this.#stopping.signal.aborted;
  }

  #hasMore(): boolean {
    return (
      this.#unclaimed.length > 0 ||
      this.#mayBeMore ||
      this.#ahead !== undefined ||
      this.#unanswered !== undefined
    );
  }

  /**
   * Claims waiting jobs, up to a full micro-batch. While Redis is away the same claim is sent again in the next turn: in
   * between, chunks and reloads get theirs.
   */
  async #claim(isAhead: boolean): Promise<HeldJob[]> {
    if (this.#stopping.signal.aborted) return [];
    const call = this.#unanswered ?? this.#newCall(isAhead);
    try {
      return await this.#send(call);
    } catch (error) {
      await this.#claimFailed(call, error);
      return [];
    }
  }

  async #send(call: Call): Promise<HeldJob[]> {
    const { leases, leaseMs, lists } = this.#lane;
    const { unclaimed, along } = call;
    // Until it is answered it may have taken jobs.
    this.#unanswered = { unclaimed, along: { ...along, isRepeated: true } };
    const requests = unclaimed.map(({ request }) => request);
    const { claims, taken, waiting } = await leases.claimAlong(requests, lists, along, leaseMs);
    this.#unanswered = undefined;
    this.#claimFailures = 0;
    this.#mayBeMore = waiting > 0;
    const later: Unclaimed[] = [];
    const jobs: HeldJob[] = [];
    const accept = (one: Unclaimed, claim: Claim | undefined): void => {
      if (claim?.kind === 'later') return void later.push(one);
      const job = this.#runner.attempts.accept(claim, one.done);
      if (job) jobs.push(job);
    };
    unclaimed.forEach((one, index) => accept(one, claims[index]));
    for (const { transportId, claim } of taken) accept(this.#takenAlong(transportId), claim);
    this.#unclaimed.unshift(...later);
    if (this.#stopping.signal.aborted) this.#handBack();
    return jobs;
  }

  /** A delivery that a claim took, as if Bee-Queue had handed it out. */
  #takenAlong(transportId: string): Unclaimed {
    const delivery = parseTransportId(transportId) ?? { jobId: transportId, delivery: 0 };
    return {
      request: { ...delivery, claimId: this.#newClaimId() },
      done: this.#taken.hold(transportId),
    };
  }

  #newCall(isAhead: boolean): Call {
    const { maxBatch } = this.#lane;
    const unclaimed = this.#unclaimed.splice(0, maxBatch);
    const most = maxBatch - unclaimed.length;
    return { unclaimed, along: { claimId: this.#newClaimId(), most, isRepeated: false, isAhead } };
  }

  async #claimFailed({ unclaimed }: Call, error: unknown): Promise<void> {
    const { log } = this.#lane;
    const fields = { jobs: unclaimed.length, error: messageOf(error) };
    if (!(error instanceof RedisUnavailableError)) {
      // Redis would refuse the same claim again: the sweeper brings back jobs that still wait.
      log.error('jobs not claimed', fields);
      this.#unanswered = undefined;
      this.#mayBeMore = false;
      for (const { done } of unclaimed) done();
      return;
    }
    this.#claimFailures += 1;
    if (this.#claimFailures % 20 === 1) log.warn('jobs not claimed yet', fields);
    await this.#pause();
  }

  #pause(): Promise<void> {
    return backOff(Math.max(this.#claimFailures, 1), REDIS_BACKOFF, this.#stopping.signal);
  }

  #handBack(): void {
    const unclaimed = this.#unclaimed;
    this.#unclaimed = [];
    void this.#lane.settlement.handBack(unclaimed);
  }
}
