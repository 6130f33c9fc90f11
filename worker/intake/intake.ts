import { listOf } from '../../shared/records/records.js';
import type { Logger } from '../../shared/log/logger.js';
import { beeKeys, type Delivery, parseTransportId, type QueueAddress } from '../../shared/queue/bee-queue.js';
import { type Consumer, startConsumer } from '../../shared/queue/consumer.js';
import type { Redis } from '../../shared/redis/redis.js';
import { StarvationWatch } from './starvation-watch.js';

/** What an intake works with. */
export interface IntakeOptions {
  address: QueueAddress;
  redis: Redis;
  /** Deliveries in hand at a time. */
  concurrency: number;
  /** Must resolve when the delivery is dealt with, and never reject. */
  handler: (delivery: Delivery) => Promise<void>;
  log: Logger;
}

/** Deliveries of which a leaving worker makes sure: it fetches far fewer at a time, and others take many meanwhile. */
const LEFT_BEHIND = 1_024;

/** Takes deliveries from one queue, and takes a new link when deliveries wait and none comes. */
export class Intake {
  readonly #consumer: Consumer;
  readonly #watch: StarvationWatch;
  readonly #redis: Redis;
  readonly #activeKey: string;
  #inHand = 0;

  /** Starts taking. */
  constructor({ address, redis, concurrency, handler, log }: IntakeOptions) {
    const keys = beeKeys(address);
    this.#redis = redis;
    this.#activeKey = keys.active;
    this.#watch = new StarvationWatch({
      redis,
      waitingKey: keys.waiting,
      hasRoom: () => this.#inHand < concurrency,
      onStarved: () => this.#consumer.rebuild('deliveries wait and none comes'),
    });
    this.#consumer = startConsumer({
      address,
      concurrency,
      handler: async (delivery) => {
        this.#watch.fed();
        this.#inHand += 1;
        await handler(delivery);
        this.#inHand -= 1;
      },
      onWarning: (message, fields) => log.warn(message, fields),
    });
  }

  /**
   * Stops taking; see {@link Consumer.drain}. Resolves with the newest deliveries that Bee-Queue counts as taken:
   * those that it was fetching when this worker stopped would else wait for its stall check. Some may be in other
   * workers' hands, where a second delivery does no harm.
   */
  async drain(timeoutMs: number): Promise<Delivery[]> {
    this.#watch.close();
    await this.#consumer.drain(timeoutMs);
    const newest = await this.#redis
      .command(['LRANGE', this.#activeKey, '0', String(LEFT_BEHIND - 1)])
      .catch(() => []);
    return listOf(newest).flatMap((id) => parseTransportId(String(id)) ?? []);
  }
}
