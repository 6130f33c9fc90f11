import { Shares } from '../admission/shares.js';
import { listen, type Listener, type Listeners, ManyWaiter, unlisten } from './many-waiter.js';
import { Sleep } from './sleep.js';

/** A request that waits for a job or a batch to end. It must {@link leave}. */
export interface Waiter {
  /** Of the job or the batch. */
  readonly id: string;
  /** Waits for another job or batch from now on. */
  follow(id: string): void;
  /** Set when there is nothing more to wait for: the client is gone, or the process is going away. */
  readonly isOver: boolean;
  /** Line 2 of the job's record, when this process was told of it. */
  readonly outcome: string | undefined;
  /** Resolves when the job is said to have ended since the last call, when waiting is over, or after `ms`. */
  sleep(ms: number): Promise<void>;
  /** Ends the waiting before its time. */
  end(): void;
  leave(): void;
}

/** Jobs that requests for many may wait for together, a place for a waiter: each costs as much as that, about a kilobyte. */
const JOBS_PER_PLACE = 10;

/**
 * The requests of this process that wait for a job or a batch. An end is announced to every process: a waiter that is
 * registered before its job is read for the first time cannot miss the announcement.
 */
export class Waiters {
  readonly #byId: Listeners = new Map();
  readonly #shares: Shares;
  #closed = false;
  #holding = 0;
  /** Jobs that requests for many wait for. */
  #ofMany = 0;

  /** `limit`: the largest number of waiters at a time. */
  constructor(limit: number) {
    this.#shares = new Shares(limit);
  }

  get size(): number {
    return this.#shares.taken;
  }

  /** Requests that {@link hold} has a place for. */
  get holding(): number {
    return this.#holding;
  }

  /** Whether an owner waits for as much as it may beside others. */
  isShareFull(owner: string): boolean {
    return this.#shares.refusal(owner) === 'share';
  }

  /**
   * Undefined when too many wait already, of all or of this owner ('' = callers are not told apart), or when the process
   * is going away: the request is then answered without waiting.
   */
  register(id: string, owner = ''): Waiter | undefined {
    if (this.#closed || this.#shares.refusal(owner)) return undefined;
    this.#shares.take(owner);
    return new LocalWaiter(this.#byId, id, () => this.#shares.giveBack(owner));
  }

  /**
   * A place for a request that is answered soon whatever happens: it takes no share and is never refused. Undefined when the
   * process is going away.
   */
  hold(id: string): Waiter | undefined {
    if (this.#closed) return undefined;
    this.#holding += 1;
    return new LocalWaiter(this.#byId, id, () => {
      this.#holding -= 1;
    });
  }

  /** {@link register} for one request that waits for many jobs. Undefined, too, when all such wait for too many together. */
  registerMany(ids: readonly string[], owner = ''): ManyWaiter | undefined {
    const most = JOBS_PER_PLACE * this.#shares.places;
    if (this.#closed || this.#shares.refusal(owner) || this.#ofMany + ids.length > most) return undefined;
    this.#shares.take(owner);
    this.#ofMany += ids.length;
    return new ManyWaiter(this.#byId, ids, () => {
      this.#shares.giveBack(owner);
      this.#ofMany -= ids.length;
    });
  }

  /** Wakes the waiters of the jobs in an announcement: ids with commas between them. */
  wake(announcement: string): void {
    if (this.#byId.size === 0) return;
    for (const id of announcement.split(',')) {
      for (const waiter of this.#byId.get(id) ?? []) waiter.wake(undefined, id);
    }
  }

  /** Wakes the waiters of the jobs in a message to this process, a line each: id, a space, line 2 of the record. */
  tell(message: string): void {
    if (this.#byId.size === 0) return;
    for (const line of message.split('\n')) {
      const space = line.indexOf(' ');
      // A long outcome is left to be read.
      const id = space < 0 ? line : line.slice(0, space);
      const outcome = space < 0 ? undefined : line.slice(space + 1);
      for (const waiter of this.#byId.get(id) ?? []) waiter.wake(outcome, id);
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
}

class LocalWaiter implements Waiter, Listener {
  outcome: string | undefined;
  #isOver = false;
  /** Woken while it did not sleep: the next sleep ends at once. */
  #woken = false;
  readonly #sleep = new Sleep();

  constructor(
    private readonly byId: Listeners,
    public id: string,
    private readonly left: () => void,
  ) {
    this.#enter();
  }

  follow(id: string): void {
    if (!this.#exit()) return;
    this.id = id;
    this.#enter();
  }

  leave(): void {
    if (this.#exit()) this.left();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  sleep(ms: number): Promise<void> {
    if (this.#woken || this.#isOver) {
      this.#woken = false;
      return Promise.resolve();
    }
    return this.#sleep.start(ms);
  }

  wake(outcome?: string): void {
    this.outcome ??= outcome;
    if (!this.#sleep.end()) this.#woken = true;
  }

  end(): void {
    this.#isOver = true;
    this.wake();
  }

  #enter(): void {
    listen(this.byId, this.id, this);
  }

  /** Whether it was still waiting. */
  #exit(): boolean {
    return unlisten(this.byId, this.id, this);
  }
}
