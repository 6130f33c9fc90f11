import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../shared/errors.js';
import { backOff, REDIS_BACKOFF } from '../../shared/process/backoff.js';
import { type Claim, Claims, type Taker } from '../intake/claims.js';
import type { WorkerPartition } from '../intake/worker-partition.js';
import type { Turn } from '../models/turns.js';
import type { HeldJob } from './held-job.js';
import type { Lane } from './lane.js';

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
  /** Hands on the next micro-batch where it can, so that the inference process goes on without a pause after the one that runs. */
  prepare?(jobs: readonly HeldJob[], turn: Turn): void;
  /** Whether the inference process has the next micro-batch already: it is to be run within the same turn. */
  readonly isAhead?: boolean;
  /** Runs nothing more, and gives back at once the jobs that do not run yet. */
  stop(): void;
  /** Gives back the jobs that are still undecided, and stops the prediction that runs. */
  abandon(): void;
}

/** While full micro-batches run in less time than this, in ms, the next one is claimed meanwhile. */
const CLAIM_AHEAD_MS = 50;
/** Of several partitions, one that has not answered a claim within this time, in ms, does not hold up the jobs of the others. */
const LATE_CLAIM_MS = 50;

/**
 * Turns waiting jobs into micro-batches, without a timer. Once it is called, each time that the model is idle a claim in each
 * partition that called takes the first that wait there, up to a full micro-batch together, until none is left. So a lone job
 * never waits, and load makes the micro-batches grow; jobs that this worker cannot run yet are left to other workers.
 */
export class MicroBatcher implements Taker {
  readonly #lane: Lane;
  readonly #runner: Runner;
  /** Of each partition. */
  readonly claims: readonly Claims[];
  readonly #stopping = new AbortController();
  #working: Promise<void> | undefined;
  /** The partition that has the first turn at the next claim. */
  #first = 0;
  /** Claimed, and not yet run. Jobs of claims that are not by themselves run together. */
  readonly #claimed: Claim[] = [];
  /** The next micro-batch, claimed while one runs. */
  #ahead: Promise<void> | undefined;
  #lastRunMs = Number.POSITIVE_INFINITY;

  constructor(lane: Lane, runner: Runner, partitions: readonly WorkerPartition[]) {
    this.#lane = lane;
    this.#runner = runner;
    this.claims = partitions.map((partition) => new Claims(lane, partition, this));
  }

  get isIdle(): boolean {
    return this.#working === undefined;
  }

  wake(): Promise<void> {
    // Work that finds nothing ends at once, before the assignment: it would stay "working" for good.
    if (!this.#stopping.signal.aborted && this.#hasMore()) this.#working ??= this.#work();
    return this.#working ?? Promise.resolve();
  }

  accept(job: HeldJob): void {
    this.#runner.accept(job);
  }

  /**
   * Claims nothing more, gives back the jobs that do not run yet, and lets the jobs that run finish; after `finishMs` the
   * latter are given back, too. Resolves when Redis has all of them.
   */
  async drain(finishMs: number): Promise<void> {
    this.#stopping.abort();
    for (const claims of this.claims) claims.stop();
    this.#runner.stop();
    const ahead = this.#giveBackAhead();
    const late = setTimeout(() => this.#runner.abandon(), finishMs);
    await Promise.all([this.#working, ahead]);
    await Promise.all(this.claims.map((claims) => claims.giveBackUnanswered()));
    clearTimeout(late);
    await this.#lane.settlement.settled();
  }

  async #work(): Promise<void> {
    const { model, log, kind } = this.#lane;
    let turn: Turn | undefined;
    while (!this.#stopping.signal.aborted && this.#hasMore()) {
      turn ??= await model.turns.take(kind);
      try {
        await this.#runner.ready();
        await (this.#ahead ?? this.#claim(false));
        this.#ahead = undefined;
        const jobs = this.#next();
        if (jobs.length === 0) continue;
        const isFull = jobs.length === this.#runner.most;
        if (isFull && this.#mayClaimAhead()) this.#ahead = this.#claimAhead(turn);
        const startMs = performance.now();
        const isThere = await this.#runner.run(jobs, turn);
        if (isFull) this.#lastRunMs = performance.now() - startMs;
        // Other workers run the next micro-batch sooner than a process can start here.
        if (!isThere) await this.#giveBackAhead();
      } catch (error) {
        log.error('micro-batch not run', { error: messageOf(error) });
        await backOff(1, REDIS_BACKOFF, this.#stopping.signal);
      } finally {
        if (this.#runner.isAhead) turn.renew();
        else {
          turn.end();
          turn = undefined;
        }
      }
    }
    turn?.end();
    // No await since #hasMore(), so no call can slip in between: wake() starts the loop again.
    this.#working = undefined;
    if (this.#stopping.signal.aborted) await this.#giveBackAhead();
  }

  async #giveBackAhead(): Promise<void> {
    const claiming = this.#ahead;
    this.#ahead = undefined;
    await claiming;
    this.#lane.settlement.release(this.#claimed.splice(0).flatMap(({ jobs }) => jobs));
  }

  #next(): HeldJob[] {
    const [first] = this.#claimed;
    const jobs = first?.jobs.splice(0, this.#runner.most) ?? [];
    if (first?.jobs.length === 0) this.#claimed.shift();
    return jobs;
  }

  /** A micro-batch that is claimed ahead is kept from other workers while one runs, so that time has to be short. */
  #mayClaimAhead(): boolean {
    return (
      this.#claimed.length === 0 &&
      this.#lastRunMs < CLAIM_AHEAD_MS &&
      !this.#stopping.signal.aborted &&
      this.claims.some(({ hasMore }) => hasMore) &&
      !this.claims.some(({ isNextAlone }) => isNextAlone)
    );
  }

  #hasMore(): boolean {
    return (
      this.#claimed.length > 0 || this.#ahead !== undefined || this.claims.some(({ hasMore }) => hasMore)
    );
  }

  async #claimAhead(turn: Turn): Promise<void> {
    await this.#claim(true);
    const next = this.#claimed[0]?.jobs.slice(0, this.#runner.most);
    if (next) this.#runner.prepare?.(next, turn);
  }

  /**
   * Claims up to a full micro-batch: of each partition that may have jobs an equal part, or what one of them has to have run
   * by itself.
   */
  async #claim(isAhead: boolean): Promise<void> {
    if (this.#claimed.length > 0 || this.#stopping.signal.aborted) return;
    const { most } = this.#runner;
    const { length } = this.claims;
    this.#first = (this.#first + 1) % length;
    const inTurn = [...this.claims.slice(this.#first), ...this.claims.slice(0, this.#first)];
    const able = inTurn.filter(({ hasMore }) => hasMore);
    const alone = isAhead ? undefined : able.find(({ isNextAlone }) => isNextAlone);
    const called = alone ? [alone] : able.slice(0, most);
    const isBeside = isAhead || called.length > 1;
    const claiming = called.map(async (claims, index) => {
      const part = Math.floor(most / called.length) + (index < most % called.length ? 1 : 0);
      this.#take(await claims.claim(part, isBeside));
    });
    if (length < 2) await claiming[0];
    else await Promise.race([Promise.all(claiming), sleep(LATE_CLAIM_MS, undefined, { ref: false })]);
  }

  #take({ jobs, isBeside }: Claim): void {
    if (this.#stopping.signal.aborted) return this.#lane.settlement.release(jobs);
    const last = this.#claimed.at(-1);
    if (isBeside && last?.isBeside) last.jobs.push(...jobs);
    else if (jobs.length > 0) this.#claimed.push({ jobs, isBeside });
    // An answer that came late finds a batcher that has gone to sleep meanwhile.
    void this.wake();
  }
}
