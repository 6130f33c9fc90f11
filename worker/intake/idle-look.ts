import type { JobLeases } from '../../shared/jobs/job-leases.js';

/** Somebody who takes from a queue once woken. */
export interface Sleeper {
  queue: string;
  readonly isIdle: boolean;
  wake(): Promise<void>;
}

/** Time between two looks, in ms: workers that were started together look at different times. */
const LOOK_EVERY_MS = 1_000;
const jittered = (): number => LOOK_EVERY_MS * (0.75 + Math.random() / 2);

/** Looks whether jobs wait in the queues of those who are idle, with one command for all: a call that was lost costs a second. */
export class IdleLook {
  readonly #leases: JobLeases;
  readonly #sleepers = new Set<Sleeper>();
  #timer: NodeJS.Timeout;
  #isClosed = false;

  constructor(leases: JobLeases) {
    this.#leases = leases;
    this.#timer = setTimeout(() => void this.#look(), jittered());
  }

  /** Looks for this one, too, until the returned function is called. */
  watch(sleeper: Sleeper): () => void {
    this.#sleepers.add(sleeper);
    return () => void this.#sleepers.delete(sleeper);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    const idle = [...this.#sleepers].filter(({ isIdle }) => isIdle);
    if (idle.length > 0) {
      // While Redis is away nothing can be known: the next look is soon enough.
      const isAny = await this.#leases.anyWaits(idle.map(({ queue }) => queue)).catch(() => false);
      if (isAny) for (const sleeper of idle) if (sleeper.isIdle) void sleeper.wake();
    }
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#look(), jittered());
  }
}
