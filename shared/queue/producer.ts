import { messageOf, RedisUnavailableError } from '../errors.js';
import { withTimeout } from '../process/with-timeout.js';
import { type BeeLink, type Delivery, openBeeLink, type QueueAddress } from './bee-queue.js';

/** Puts deliveries into one queue. */
export interface Producer {
  /** Resolves once Bee-Queue holds the delivery; with `delayMs` workers see it no sooner than that. */
  enqueue(delivery: Delivery, delayMs?: number): Promise<void>;
  /** Takes a delivery out again. */
  remove(delivery: Delivery): Promise<void>;
  close(): Promise<void>;
}

/** How long one call may take before its link counts as dead, in ms. */
const CALL_TIMEOUT_MS = 800;
/** After a link could not be opened, calls fail at once for so long, in ms. */
const COOL_DOWN_MS = 50;

/**
 * A producer that connects when first used. A link that breaks or hangs is dropped and the call
 * repeated once on a new one; past that it rejects with {@link RedisUnavailableError}. A repeated call is harmless:
 * Bee-Queue keeps one entry an id, and the job's record lets it run once.
 */
export function createProducer(address: QueueAddress): Producer {
  let link: Promise<BeeLink> | undefined;

  const current = (): Promise<BeeLink> => {
    if (link) return link;
    const opened = openBeeLink(address, { isWorker: false, onBroken: () => drop(opened) });
    link = opened;
    opened.catch(() => setTimeout(() => drop(opened), COOL_DOWN_MS).unref());
    return opened;
  };

  const drop = (dead: Promise<BeeLink>): void => {
    if (link === dead) link = undefined;
    dead.then(
      (bee) => bee.close(1),
      () => undefined,
    );
  };

  const call = async (run: (bee: BeeLink) => Promise<void>): Promise<void> => {
    for (let attempt = 1; ; attempt += 1) {
      const used = current();
      try {
        return await withTimeout(used.then(run), CALL_TIMEOUT_MS);
      } catch (cause) {
        drop(used);
        if (attempt === 2) {
          throw new RedisUnavailableError(`the queue ${address.name} (${messageOf(cause)})`, { cause });
        }
      }
    }
  };

  return {
    enqueue: (delivery, delayMs = 0) =>
      call((bee) => bee.save(delivery, delayMs > 0 ? Date.now() + delayMs : undefined)),
    remove: (delivery) => call((bee) => bee.remove(delivery)),
    async close() {
      const open = link;
      link = undefined;
      await open?.then(
        (bee) => bee.close(CALL_TIMEOUT_MS),
        () => undefined,
      );
    },
  };
}
