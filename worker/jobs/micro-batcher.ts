import { randomBytes } from 'node:crypto';
import { messageOf, RedisUnavailableError } from '../../shared/errors.js';
import type { ClaimRequest } from '../../shared/jobs/job-leases.js';
import { backOff, REDIS_BACKOFF } from '../../shared/process/backoff.js';
import type { Sleeper } from '../intake/idle-look.js';
import type { Turn } from '../models/turns.js';
import type { HeldJob } from './held-job.js';
import type { Lane } from './lane.js';
import { repeatWhileRedisIsAway } from './repeat-while-redis-is-away.js';

/** Runs claimed jobs and decides each of them. To be called within a turn of the model, one call at a time. */
export interface Runner {
  /** Jobs that it runs at once, at most. */
  readonly most: number;
  /** Holds a claimed job until it is decided. */
  accept(job: HeldJob): void;
  /** Resolves when the model can predict, or {@link stop} was called. */
  ready(): Promise<void>;
  /**
   * Resolves when every job is decided, with whether the model is there for the next micro-batch. Outcomes are written
   * meanwhile and after. A long run shares its turn now and then.
   */
  run(jobs: readonly HeldJob[], turn: Turn): Promise<boolean>;
  /** Runs nothing more, and gives back at once the jobs that do not run yet. */
  stop(): void;
  /** Gives back the jobs that are still undecided, and stops the prediction that runs. */
  abandon(): void;
}

/** While full micro-batches run in less time than this, in ms, the next one is claimed meanwhile. */
const CLAIM_AHEAD_MS = 50;
/** Longest that a timer can wait, in ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Turns waiting jobs into micro-batches, without a timer. Once it is called, each time that the model is idle one claim takes the
 * first that wait, up to a full micro-batch, until none is left. So a lone job never waits, and load makes the micro-batches
 * grow; jobs that this worker cannot run yet are left to other workers.
 */
export class MicroBatcher implements Sleeper {
  readonly #lane: Lane;
  readonly #runner: Runner;
  readonly #stopping = new AbortController();
  /** Redis keeps the last claim of each lane of each process. */
  readonly #claims = randomBytes(9).toString('base64url');
  #lastNumber = 0;
  #working: Promise<void> | undefined;
  /** Whether a call came that no claim has followed yet, or the last claim left jobs in the queue. */
  #mayBeMore = false;
  /** The next micro-batch, claimed while one runs. */
  #ahead: Promise<HeldJob[]> | undefined;
  #lastRunMs = Number.POSITIVE_INFINITY;
  /** A claim that Redis has not answered, to be repeated. */
  #unanswered: ClaimRequest | undefined;
  #claimFailures = 0;
  /** Rings when the next delayed job falls due. */
  #due: NodeJS.Timeout | undefined;

  constructor(lane: Lane, runner: Runner) {
    this.#lane = lane;
    this.#runner = runner;
  }

  get queue(): string {
    return this.#lane.queue;
  }

  get isIdle(): boolean {
    return this.#working === undefined;
  }

  /** Takes what waits. Resolves when nothing is left to do; never rejects. */
  wake(): Promise<void> {
    if (this.#stopping.signal.aborted) return Promise.resolve();
    this.#mayBeMore = true;
    this.#working ??= this.#work();
    return this.#working;
  }

  /**
   * Claims nothing more, gives back the jobs that do not run yet, and lets the jobs that run finish; after `finishMs` the
   * latter are given back, too. Resolves when Redis has all of them.
   */
  async drain(finishMs: number): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#due);
    this.#runner.stop();
    const ahead = this.#giveBackAhead();
    const late = setTimeout(() => this.#runner.abandon(), finishMs);
    await Promise.all([this.#working, ahead]);
    await this.#giveBackUnanswered();
    clearTimeout(late);
    await this.#lane.settlement.settled();
  }

  async #work(): Promise<void> {
    const { model, log, kind } = this.#lane;
    while (!this.#stopping.signal.aborted && this.#hasMore()) {
      const turn = await model.turns.take(kind);
      try {
        await this.#runner.ready();
        const claiming = this.#ahead ?? this.#claim(false);
        this.#ahead = undefined;
        const jobs = await claiming;
        if (jobs.length === 0) continue;
        const isFull = jobs.length === this.#runner.most;
        if (isFull && this.#mayClaimAhead()) this.#ahead = this.#claim(true);
        const startMs = performance.now();
        const isThere = await this.#runner.run(jobs, turn);
        if (isFull) this.#lastRunMs = performance.now() - startMs;
        // Other workers run the next micro-batch sooner than a process can start here.
        if (!isThere) await this.#giveBackAhead();
      } catch (error) {
        log.error('micro-batch not run', { error: messageOf(error) });
        await this.#pause();
      } finally {
        turn.end();
      }
    }
    // No await since #hasMore(), so no call can slip in between: wake() starts the loop again.
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
    const request = this.#unanswered;
    if (!request) return;
    try {
      const jobs = await repeatWhileRedisIsAway(() => this.#send(request), {
        warning: 'claim not answered yet',
        log,
        signal: settlement.abandoned,
      });
      settlement.release(jobs ?? []);
    } catch (error) {
      // Their leases end.
      log.error('jobs not claimed', { error: messageOf(error) });
    }
  }

  /** A micro-batch that is claimed ahead is kept from other workers while one runs, so that time has to be short. */
  #mayClaimAhead(): boolean {
    return this.#mayBeMore && this.#lastRunMs < CLAIM_AHEAD_MS && !this.#stopping.signal.aborted;
  }

  #hasMore(): boolean {
    return this.#mayBeMore || this.#ahead !== undefined || this.#unanswered !== undefined;
  }

  /**
   * Claims waiting jobs, up to a full micro-batch. While Redis is away the same claim is sent again in the next turn: in
   * between, the other users of the model get theirs.
   */
  async #claim(isAhead: boolean): Promise<HeldJob[]> {
    if (this.#stopping.signal.aborted) return [];
    const request = this.#unanswered ?? this.#newRequest(isAhead);
    try {
      return await this.#send(request);
    } catch (error) {
      await this.#claimFailed(error);
      return [];
    }
  }

  async #send(request: ClaimRequest): Promise<HeldJob[]> {
    const { leases, leaseMs, attempts, log, queue } = this.#lane;
    // Until it is answered it may have taken jobs. A call that comes meanwhile may be for a job that it did not find.
    this.#unanswered = request;
    this.#mayBeMore = false;
    const { jobs, dropped, mayBeMore, nextDueMs } = await leases.claim(request, leaseMs);
    this.#unanswered = undefined;
    this.#claimFailures = 0;
    this.#mayBeMore ||= mayBeMore;
    this.#wakeIn(nextDueMs);
    for (const { id, reason } of dropped) log.error('job dropped', { job_id: id, queue, error: reason });
    return jobs.map((claimed) => {
      const job = attempts.accept(claimed);
      this.#runner.accept(job);
      return job;
    });
  }

  #newRequest(isAhead: boolean): ClaimRequest {
    this.#lastNumber += 1;
    const { queue } = this.#lane;
    return { queue, lane: this.#claims, number: this.#lastNumber, most: this.#runner.most, isAhead };
  }

  #wakeIn(ms: number | undefined): void {
    clearTimeout(this.#due);
    if (ms === undefined || this.#stopping.signal.aborted) return;
    this.#due = setTimeout(() => void this.wake(), Math.min(Math.ceil(ms), LONGEST_TIMER_MS));
    this.#due.unref();
  }

  async #claimFailed(error: unknown): Promise<void> {
    const { log } = this.#lane;
    if (!(error instanceof RedisUnavailableError)) {
      // Redis would refuse the same claim again.
      log.error('jobs not claimed', { error: messageOf(error) });
      this.#unanswered = undefined;
      return;
    }
    this.#claimFailures += 1;
    if (this.#claimFailures % 20 === 1) log.warn('jobs not claimed yet', { error: messageOf(error) });
    await this.#pause();
  }

  #pause(): Promise<void> {
    return backOff(Math.max(this.#claimFailures, 1), REDIS_BACKOFF, this.#stopping.signal);
  }
}
