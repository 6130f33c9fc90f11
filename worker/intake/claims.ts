import { randomBytes } from 'node:crypto';
import { messageOf, RedisUnavailableError } from '../../shared/errors.js';
import type { ClaimRequest } from '../../shared/jobs/job-leases.js';
import { backoffMs, REDIS_BACKOFF } from '../../shared/process/backoff.js';
import type { HeldJob } from '../jobs/held-job.js';
import type { Lane } from '../jobs/lane.js';
import { repeatWhileRedisIsAway } from '../jobs/repeat-while-redis-is-away.js';
import type { Sleeper } from './idle-look.js';
import type { WorkerPartition } from './worker-partition.js';

/** Who takes what is claimed. */
export interface Taker {
  readonly isIdle: boolean;
  /** Takes what waits. Resolves when nothing is left to do; never rejects. */
  wake(): Promise<void>;
  /** Holds a claimed job until it is decided. */
  accept(job: HeldJob): void;
}

/** Jobs that one claim took. */
export interface Claim {
  jobs: HeldJob[];
  /** Whether the worker ran, or claimed, others at the same time: none of them has to run by itself. */
  isBeside: boolean;
}

/** Longest that a timer can wait, in ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The claims of one lane in one partition, one after the other. */
export class Claims implements Sleeper {
  readonly queue: string;
  readonly #lane: Lane;
  readonly #partition: WorkerPartition;
  readonly #taker: Taker;
  /** Redis keeps the last claim under this name. */
  readonly #claimer = randomBytes(9).toString('base64url');
  #lastNumber = 0;
  /** Whether a call came that no claim has followed yet, or the last claim left jobs in the queue. */
  #mayBeMore = false;
  /** A claim that Redis has not answered, to be repeated. */
  #unanswered: ClaimRequest | undefined;
  #isAsking = false;
  #isNextAlone = false;
  #isStopped = false;
  #failures = 0;
  /** Runs while nothing is to be claimed since Redis is away. */
  #pause: NodeJS.Timeout | undefined;
  /** Rings when the next delayed job falls due. */
  #due: NodeJS.Timeout | undefined;

  constructor(lane: Lane, partition: WorkerPartition, taker: Taker) {
    this.queue = lane.queue;
    this.#lane = lane;
    this.#partition = partition;
    this.#taker = taker;
  }

  get isIdle(): boolean {
    return this.#taker.isIdle;
  }

  /** A call: jobs may wait. */
  wake(): Promise<void> {
    this.#mayBeMore = true;
    return this.#taker.wake();
  }

  /** Whether a claim may find jobs. */
  get hasMore(): boolean {
    const isFree = !this.#isAsking && !this.#isStopped && this.#pause === undefined;
    return isFree && (this.#mayBeMore || this.#unanswered !== undefined);
  }

  /** Whether the first job that waits has to be claimed, and run, by itself. */
  get isNextAlone(): boolean {
    return this.#isNextAlone && this.hasMore;
  }

  /** Claims waiting jobs. While Redis is away the same claim is sent again after a pause. Never rejects. */
  async claim(most: number, isBeside: boolean): Promise<Claim> {
    const request = this.#unanswered ?? this.#newRequest(most, isBeside);
    this.#isAsking = true;
    try {
      return { jobs: await this.#send(request), isBeside: request.isBeside };
    } catch (error) {
      this.#failed(error);
      return { jobs: [], isBeside };
    } finally {
      this.#isAsking = false;
    }
  }

  /** Claims nothing more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#due);
    clearTimeout(this.#pause);
  }

  /** Sends a claim without an answer again, to learn which jobs it took, and gives these back. */
  async giveBackUnanswered(): Promise<void> {
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

  async #send(request: ClaimRequest): Promise<HeldJob[]> {
    const { leaseMs, attempts, log, queue } = this.#lane;
    // Until it is answered it may have taken jobs. A call that comes meanwhile may be for a job that it did not find.
    this.#unanswered = request;
    this.#mayBeMore = false;
    const claimed = await this.#partition.leases.claim(request, leaseMs);
    this.#unanswered = undefined;
    this.#failures = 0;
    this.#mayBeMore ||= claimed.mayBeMore;
    this.#isNextAlone = request.isBeside && claimed.mayBeMore && claimed.jobs.length === 0;
    this.#wakeIn(claimed.nextDueMs);
    for (const { id, reason } of claimed.dropped) {
      log.error('job dropped', { job_id: id, queue, error: reason });
    }
    return claimed.jobs.map((one) => {
      const job = attempts.accept(one, this.#partition);
      this.#taker.accept(job);
      return job;
    });
  }

  #newRequest(most: number, isBeside: boolean): ClaimRequest {
    this.#lastNumber += 1;
    return { queue: this.queue, claimer: this.#claimer, number: this.#lastNumber, most, isBeside };
  }

  #wakeIn(ms: number | undefined): void {
    clearTimeout(this.#due);
    if (ms === undefined || this.#isStopped) return;
    this.#due = setTimeout(() => void this.wake(), Math.min(Math.ceil(ms), LONGEST_TIMER_MS));
    this.#due.unref();
  }

  #failed(error: unknown): void {
    const { log } = this.#lane;
    if (!(error instanceof RedisUnavailableError)) {
      // Redis would refuse the same claim again.
      log.error('jobs not claimed', { error: messageOf(error) });
      this.#unanswered = undefined;
      return;
    }
    this.#failures += 1;
    if (this.#failures % 20 === 1) log.warn('jobs not claimed yet', { error: messageOf(error) });
    if (this.#isStopped) return;
    this.#pause = setTimeout(
      () => {
        this.#pause = undefined;
        void this.#taker.wake();
      },
      backoffMs(this.#failures, REDIS_BACKOFF),
    );
  }
}
