import { messageOf } from '../../shared/errors.js';
import type { JobLeases } from '../../shared/jobs/job-leases.js';
import type { Logger } from '../../shared/log/logger.js';
import { type BeeKeys, STALL_INTERVAL_MS } from '../../shared/queue/bee-queue.js';
import type { Redis } from '../../shared/redis/redis.js';

/** What the deliveries in hand are kept with. */
export interface TakenDeliveriesOptions {
  lists: BeeKeys;
  redis: Redis;
  leases: JobLeases;
  log: Logger;
}

/**
 * Deliveries that this worker took from Bee-Queue's lists by itself. Does for them what Bee-Queue does for those that it
 * hands out: vouches for them, so that its stall check does not put them back, and takes them out when they are dealt
 * with. What does not get through is put back by that check, and nothing comes of it: the record lets a job run once.
 */
export class TakenDeliveries {
  readonly #options: TakenDeliveriesOptions;
  readonly #inHand = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #ended: string[] = [];
  #ending: Promise<void> = Promise.resolve();

  constructor(options: TakenDeliveriesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#vouch(), STALL_INTERVAL_MS / 2);
    this.#timer.unref();
  }

  /** Holds a delivery until the returned function is called. */
  hold(transportId: string): () => void {
    this.#inHand.add(transportId);
    return () => {
      if (!this.#inHand.delete(transportId)) return;
      // All that end in one turn go in one call.
      if (this.#ended.length === 0) queueMicrotask(() => this.#end());
      this.#ended.push(transportId);
    };
  }

  /** Vouches for nothing more. Resolves when what was dealt with is out of Bee-Queue. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.resolve();
    await this.#ending;
  }

  #end(): void {
    const { leases, lists, log } = this.#options;
    const ended = this.#ended;
    this.#ended = [];
    const sent = leases
      .endDeliveries(ended, lists)
      .catch((error: unknown) => log.warn('deliveries left to the stall check', { error: messageOf(error) }));
    this.#ending = Promise.all([this.#ending, sent]).then(() => undefined);
  }

  #vouch(): void {
    if (this.#inHand.size === 0) return;
    const { redis, lists } = this.#options;
    // The next time is soon enough where this one fails.
    redis.command(['SREM', lists.stalling, ...this.#inHand]).catch(() => undefined);
  }
}
