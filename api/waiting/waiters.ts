import type { JobOutcome } from '../../shared/jobs/job.js';
import { Shares } from '../admission/shares.js';

/** Someone who waits for a job or a batch to end. Whoever registers one must {@link leave}. */
export interface Waiter {
  readonly id: string;
  /** Set when there is nothing more to wait for: the client is gone, or the process is going away. */
  readonly isOver: boolean;
  /** How the job ended, when this process was told. */
  readonly outcome: JobOutcome | undefined;
  /** Resolves when the job is said to have ended since the last call, when waiting is over, or after `ms`. */
  sleep(ms: number): Promise<void>;
  /** Ends the waiting before its time. */
  end(): void;
  leave(): void;
}

/**
 * Everyone in this process who waits for a job. A job's end is announced to every process; a waiter that stands
 * here before its job is read for the first time cannot miss it.
 */
export class Waiters {
  readonly #byId = new Map<string, Set<LocalWaiter>>();
  readonly #shares: Shares;
  #closed = false;

  /** `limit`: waiters at a time; beyond it nobody waits. */
  constructor(limit: number) {
    this.#shares = new Shares(limit);
  }

  get size(): number {
    return this.#shares.taken;
  }

  /** Whether an owner waits for as much as it may beside others. */
  isShareFull(owner: string): boolean {
    return this.#shares.refusal(owner) === 'share';
  }

  /**
   * Undefined when too many wait already, of all or of this owner ('' = callers are not told apart), or when the process
   * is going away: do without waiting then.
   */
  register(id: string, owner = ''): Waiter | undefined {
    if (this.#closed || this.#shares.refusal(owner)) return undefined;
    const waiter = new LocalWaiter(id, () => this.#remove(waiter, owner));
    const others = this.#byId.get(id);
    if (others) others.add(waiter);
    else this.#byId.set(id, new Set([waiter]));
    this.#shares.take(owner);
    return waiter;
  }

  /** Wakes those who wait for the jobs of an announcement: ids with commas between them. */
  wake(announcement: string): void {
    if (this.size === 0) return;
    for (const id of announcement.split(',')) {
      for (const waiter of this.#byId.get(id) ?? []) waiter.wake();
    }
  }

  /** Wakes those who wait for these jobs, with how they ended. */
  tell(outcomes: readonly JobOutcome[]): void {
    for (const outcome of outcomes) {
      for (const waiter of this.#byId.get(outcome.id) ?? []) waiter.wake(outcome);
    }
  }

  /** Lets nobody wait from now on, and ends all waiting after `ms`. */
  drain(ms: number): void {
    this.#closed = true;
    setTimeout(() => this.close(), ms).unref();
  }

  /** Ends all waiting, and lets nobody wait from now on. */
  close(): void {
    this.#closed = true;
    for (const waiters of this.#byId.values()) for (const waiter of waiters) waiter.end();
  }

  #remove(waiter: LocalWaiter, owner: string): void {
    const others = this.#byId.get(waiter.id);
    if (!others?.delete(waiter)) return;
    this.#shares.giveBack(owner);
    if (others.size === 0) this.#byId.delete(waiter.id);
  }
}

class LocalWaiter implements Waiter {
  readonly leave: () => void;
  outcome: JobOutcome | undefined;
  #isOver = false;
  /** Woken while nobody slept: the next sleep is none. */
  #woken = false;
  #wakeSleeper: (() => void) | undefined;

  constructor(
    readonly id: string,
    leave: () => void,
  ) {
    this.leave = leave;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  sleep(ms: number): Promise<void> {
    if (this.#woken || this.#isOver) {
      this.#woken = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wakeSleeper?.(), ms);
      this.#wakeSleeper = () => {
        clearTimeout(timer);
        this.#wakeSleeper = undefined;
        resolve();
      };
    });
  }

  wake(outcome?: JobOutcome): void {
    this.outcome ??= outcome;
    if (this.#wakeSleeper) this.#wakeSleeper();
    else this.#woken = true;
  }

  end(): void {
    this.#isOver = true;
    this.wake();
  }
}
