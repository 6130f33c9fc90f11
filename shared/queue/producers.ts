import type { Delivery, QueueAddress } from './bee-queue.js';
import { createProducer, type Producer } from './producer.js';

/** Producers of every queue that a process puts deliveries into, each connected when first used. */
export class Producers {
  readonly #address: Omit<QueueAddress, 'name'>;
  readonly #open = new Map<string, Producer>();

  constructor(address: Omit<QueueAddress, 'name'>) {
    this.#address = address;
  }

  /** Resolves once Bee-Queue holds the delivery; with `delayMs` workers see it no sooner than that. */
  enqueue(queue: string, delivery: Delivery, delayMs = 0): Promise<void> {
    return this.#producer(queue).enqueue(delivery, delayMs);
  }

  async close(): Promise<void> {
    const all = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(all.map((producer) => producer.close()));
  }

  #producer(queue: string): Producer {
    let producer = this.#open.get(queue);
    if (!producer) {
      producer = createProducer({ ...this.#address, name: queue });
      this.#open.set(queue, producer);
    }
    return producer;
  }
}
