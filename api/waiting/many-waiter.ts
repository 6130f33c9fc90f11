import { Sleep } from './sleep.js';

/** Listens for the ends of jobs and batches, under their ids. */
export interface Listener {
  /** `outcome`: line 2 of the job's record, where this process was told of it. */
  wake(outcome: string | undefined, id: string): void;
  /** There is nothing more to wait for. */
  end(): void;
}

/** The listeners of a process, by id. */
export type Listeners = Map<string, Set<Listener>>;

/** Lets a listener hear of an id. */
export function listen(listeners: Listeners, id: string, listener: Listener): void {
  const others = listeners.get(id);
  if (others) others.add(listener);
  else listeners.set(id, new Set([listener]));
}

/** Lets it no longer hear of the id; whether it did before. */
export function unlisten(listeners: Listeners, id: string, listener: Listener): boolean {
  const others = listeners.get(id);
  if (!others?.delete(listener)) return false;
  if (others.size === 0) listeners.delete(id);
  return true;
}

/** One request that waits for many jobs to end. It must {@link leave}. */
export class ManyWaiter implements Listener {
  /** Jobs that are not said to have ended. */
  readonly waiting = new Set<string>();
  /** Jobs that are, with line 2 of the record where this process was told of it. */
  readonly told = new Map<string, string | undefined>();
  #isOver = false;
  readonly #sleep = new Sleep();
  readonly #listeners: Listeners;
  #left: (() => void) | undefined;

  constructor(listeners: Listeners, ids: readonly string[], left: () => void) {
    this.#listeners = listeners;
    this.#left = left;
    this.follow(ids);
  }

  /** Set when there is nothing more to wait for: the client is gone, or the process is going away. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Waits for these jobs and no others from now on. What was told of them already holds. */
  follow(ids: readonly string[]): void {
    const wanted = new Set(ids);
    for (const id of this.waiting) if (!wanted.has(id)) this.#drop(id);
    for (const id of wanted) {
      if (this.waiting.has(id) || this.told.has(id)) continue;
      this.waiting.add(id);
      listen(this.#listeners, id, this);
    }
  }

  /** Resolves when all jobs are said to have ended, when waiting is over, or after `ms`. */
  sleep(ms: number): Promise<void> {
    if (this.waiting.size === 0 || this.#isOver) return Promise.resolve();
    return this.#sleep.start(ms);
  }

  wake(outcome: string | undefined, id: string): void {
    this.#drop(id);
    this.told.set(id, outcome);
    if (this.waiting.size === 0) this.#sleep.end();
  }

  end(): void {
    this.#isOver = true;
    this.#sleep.end();
  }

  leave(): void {
    for (const id of this.waiting) this.#drop(id);
    this.#left?.();
    this.#left = undefined;
  }

  #drop(id: string): void {
    this.waiting.delete(id);
    unlisten(this.#listeners, id, this);
  }
}
