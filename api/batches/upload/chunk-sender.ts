import { setTimeout as sleep } from 'node:timers/promises';
import { type BatchStore, type NewChunk, NoRoomError } from '../../../shared/batches/batch-store.js';
import type { RowCount } from '../../admission/rate-limits.js';
import type { RedisDeadline } from '../../redis-deadline.js';

/** The destination of the chunks of one upload. */
export interface ChunkDestination {
  batches: BatchStore;
  withinDeadline: RedisDeadline;
  batchId: string;
  /** Longest that a chunk waits for room in the queue, in ms. */
  roomMs: number;
  /** Aborted once nobody waits for the answer any more. */
  signal: AbortSignal;
  /** Counts rows against the caller's rate; throws a problem past it. */
  countRows: (rows: RowCount) => Promise<void>;
}

/** Time between two attempts to find room, in ms. */
const LOOK_EVERY_MS = 250;

/** Chunks under way to Redis at a time: several hide its round trips, and few bound the memory of the process. */
const IN_FLIGHT = 4;

/** The batch was canceled, or counted as dead, while its upload went on. */
export class BatchClosedError extends Error {
  override name = 'BatchClosedError';
}

/** Sends chunks in their order, a few at a time. A failure shows on the next {@link send} or on {@link finish}. */
export class ChunkSender {
  readonly #to: ChunkDestination;
  readonly #underWay: Promise<void>[] = [];
  /** Chunks for which there was no room come again one after the other. */
  #line: Promise<void> = Promise.resolve();
  #rows = 0;

  constructor(to: ChunkDestination) {
    this.#to = to;
  }

  /** Resolves when there is room for another chunk. */
  async send(chunk: NewChunk): Promise<void> {
    const rows = chunk.rows + Object.keys(chunk.invalid).length;
    this.#rows += rows;
    // The request itself has been counted as one.
    await this.#to.countRows({ more: this.#rows === rows ? rows - 1 : rows, total: this.#rows });
    const sending = this.#deliver(chunk);
    // A later call awaits this promise: a rejection until then must not count as unhandled.
    sending.catch(() => undefined);
    this.#underWay.push(sending);
    if (this.#underWay.length >= IN_FLIGHT) await this.#underWay.shift();
  }

  /** Resolves when every chunk has arrived. */
  async finish(): Promise<void> {
    await Promise.all(this.#underWay.splice(0));
  }

  async #deliver(chunk: NewChunk): Promise<void> {
    try {
      await this.#add(chunk);
    } catch (error) {
      if (!(error instanceof NoRoomError)) throw error;
      this.#line = this.#line.then(() => this.#addOnceThereIsRoom(chunk));
      await this.#line;
    }
  }

  async #addOnceThereIsRoom(chunk: NewChunk): Promise<void> {
    const untilMs = performance.now() + this.#to.roomMs;
    for (;;) {
      await sleep(LOOK_EVERY_MS);
      try {
        await this.#add(chunk);
        return;
      } catch (error) {
        const isOver = this.#to.signal.aborted || performance.now() > untilMs;
        if (!(error instanceof NoRoomError) || isOver) throw error;
      }
    }
  }

  #add(chunk: NewChunk): Promise<void> {
    const { batches, withinDeadline, batchId } = this.#to;
    return withinDeadline('adding rows', async () => {
      if (!(await batches.add(batchId, chunk))) throw new BatchClosedError();
    });
  }
}
