import type { Logger } from '../shared/log/logger.js';
import { beeKeys, type Delivery, type QueueAddress } from '../shared/queue/bee-queue.js';
import { type Consumer, startConsumer } from '../shared/queue/consumer.js';
import type { Redis } from '../shared/redis/redis.js';
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

/** Takes deliveries from one queue, and takes a new link when deliveries wait and none comes. */
export class Intake {
  readonly #consumer: Consumer;
  readonly #watch: StarvationWatch;
  #inHand = 0;

  /** Starts taking. */
  constructor({ address, redis, concurrency, handler, log }: IntakeOptions) {
    this.#watch = new StarvationWatch({
      redis,
      waitingKey: beeKeys(address).waiting,
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

  /** Stops taking; see {@link Consumer.drain}. */
  drain(timeoutMs: number, giveBack: (delivery: Delivery) => Promise<void>): Promise<void> {
    this.#watch.close();
    return this.#consumer.drain(timeoutMs, giveBack);
  }
}
