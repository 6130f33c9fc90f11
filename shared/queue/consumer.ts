import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors.js';
import { backOff } from '../process/backoff.js';
import { type BeeLink, type Delivery, openBeeLink, type QueueAddress } from './bee-queue.js';

/** Takes deliveries from one queue and keeps doing so whatever happens to the connection. */
export interface Consumer {
  /** Drops the link and takes a new one; used when deliveries stop coming though some wait. */
  rebuild(reason: string): void;
  /**
   * Stops taking at once: what waits in the queue is left to other workers. Resolves when every handler has ended, or
   * after `timeoutMs`. (A delivery that Bee-Queue was fetching at that moment comes back with its next stall check.)
   */
  drain(timeoutMs: number): Promise<void>;
}

/** Options of a consumer. */
export interface ConsumerOptions {
  address: QueueAddress;
  /** Deliveries handed out and not yet resolved, at most. */
  concurrency: number;
  /** Must resolve when the delivery is dealt with, and never reject. */
  handler: (delivery: Delivery) => Promise<void>;
  onWarning: (message: string, fields: Record<string, unknown>) => void;
}

/** Pause before a new link; the first one follows on a link that was lost. */
const LINK_BACKOFF = { firstMs: 50, mostMs: 1_000 };

/** Starts consuming in the background. Handlers run until the link breaks or {@link Consumer.drain}. */
export function startConsumer({ address, concurrency, handler, onWarning }: ConsumerOptions): Consumer {
  const stopping = new AbortController();
  const held = new Set<Promise<void>>();
  let link: BeeLink | undefined;
  let breakLink: (reason: string) => void = () => undefined;

  const take = (delivery: Delivery): Promise<void> => {
    const running = handler(delivery).finally(() => held.delete(running));
    held.add(running);
    return running;
  };

  const serve = async (): Promise<void> => {
    const broken = new Promise<string>((resolve) => {
      breakLink = resolve;
    });
    const bee = await openBeeLink(address, { isWorker: true, onBroken: (reason) => breakLink(reason) });
    link = bee;
    try {
      if (stopping.signal.aborted) return;
      await bee.process(concurrency, take);
      const reason = await broken;
      if (!stopping.signal.aborted) onWarning('queue link lost', { queue: address.name, reason });
    } finally {
      link = undefined;
      void bee.close(1);
    }
  };

  const loop = async (): Promise<void> => {
    for (let failures = 0; !stopping.signal.aborted; ) {
      try {
        await serve();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === 1) {
          onWarning('queue link not opened', { queue: address.name, reason: messageOf(error) });
        }
      }
      await backOff(failures + 1, LINK_BACKOFF, stopping.signal);
    }
  };
  const ended = loop();

  return {
    rebuild: (reason) => breakLink(reason),
    async drain(timeoutMs) {
      stopping.abort();
      // Closing ends the fetching first and then waits for the handlers. One that freed its slot without this would
      // make room for the next delivery, and this worker might fetch what it just gave back.
      const closed = link?.close(timeoutMs);
      await Promise.race([Promise.all([closed, ...held]), sleep(timeoutMs, undefined, { ref: false })]);
      breakLink('draining');
      await Promise.race([ended, sleep(1_000, undefined, { ref: false })]);
    },
  };
}
