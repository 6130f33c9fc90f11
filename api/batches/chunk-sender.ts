import type { BatchStore, NewChunk } from '../../shared/batches/batch-store.js';
import type { Producers } from '../../shared/queue/producers.js';
import type { RedisDeadline } from '../redis-deadline.js';

/** Where the chunks of one upload go. */
export interface ChunkDestination {
  batches: BatchStore;
  producers: Producers;
  withinDeadline: RedisDeadline;
  batchId: string;
  /** The model's chunk queue. */
  queue: string;
}

/** Chunks under way to Redis at a time: hides its round trips, and bounds what the process holds. */
const IN_FLIGHT = 4;

/** The batch was canceled, or counted as dead, while its upload went on. */
export class BatchClosedError extends Error {
  override name = 'BatchClosedError';
}

/** Sends chunks in their order, a few at a time. A failure shows on the next {@link send} or on {@link finish}. */
export class ChunkSender {
  readonly #to: ChunkDestination;
  readonly #underWay: Promise<void>[] = [];

  constructor(to: ChunkDestination) {
    this.#to = to;
  }

  /** Resolves when there is room for another chunk. */
  async send(chunk: NewChunk): Promise<void> {
    const sending = this.#deliver(chunk);
    // It is looked at later; a rejection until then is no unhandled one.
    sending.catch(() => undefined);
    this.#underWay.push(sending);
    if (this.#underWay.length >= IN_FLIGHT) await this.#underWay.shift();
  }

  /** Resolves when every chunk has arrived. */
  async finish(): Promise<void> {
    await Promise.all(this.#underWay.splice(0));
  }

  #deliver(chunk: NewChunk): Promise<void> {
    const { batches, producers, withinDeadline, batchId, queue } = this.#to;
    return withinDeadline('adding rows', async () => {
      const jobId = await batches.add(batchId, chunk);
      if (jobId === undefined) throw new BatchClosedError();
      if (jobId !== '') await producers.enqueue(queue, { jobId, delivery: 1 });
    });
  }
}
