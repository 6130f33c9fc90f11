import type { Redis } from '../../shared/redis/redis.js';

/** Without a delivery for so long, a worker with free hands looks whether some wait, in ms. */
const QUIET_MS = 5_000;

/** What a watch looks at, and what it does about it. */
export interface StarvationWatchOptions {
  redis: Redis;
  /** Bee-Queue's list of waiting deliveries. */
  waitingKey: string;
  /** Whether the worker could take another delivery now. */
  hasRoom: () => boolean;
  /** Deliveries wait and none comes. */
  onStarved: () => void;
}

/** Notices that deliveries stopped coming though some wait: a link to the queue can die without a word. */
export class StarvationWatch {
  readonly #options: StarvationWatchOptions;
  readonly #timer: NodeJS.Timeout;
  #lastDeliveryMs = performance.now();

  constructor(options: StarvationWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#look(), QUIET_MS / 5);
  }

  /** A delivery came. */
  fed(): void {
    this.#lastDeliveryMs = performance.now();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { redis, waitingKey, hasRoom, onStarved } = this.#options;
    if (performance.now() - this.#lastDeliveryMs < QUIET_MS || !hasRoom()) return;
    // While Redis is away nothing can be known, and the link has its own ways to notice.
    const waiting = await redis.command(['LLEN', waitingKey]).catch(() => 0);
    if (waiting === 0 || performance.now() - this.#lastDeliveryMs < QUIET_MS) return;
    this.fed();
    onStarved();
  }
}
