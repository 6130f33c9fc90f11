import { messageOf, RedisUnavailableError } from '../errors.js';
import { withTimeout } from '../process/with-timeout.js';
import { type BeeLink, type Delivery, openBeeLink, type QueueAddress } from './bee-queue.js';

/** Longest time that one call may take before its link counts as dead, in ms. */
const CALL_TIMEOUT_MS = 800;
/** After a link could not be opened, calls fail at once for this time, in ms. */
const COOL_DOWN_MS = 50;

/**
 * Puts deliveries into queues, over a link for each queue that is opened when first used. A link that breaks or hangs is
 * dropped and the call repeated once on a new one; past that the call rejects with {@link RedisUnavailableError}. A
 * repeated call is harmless: Bee-Queue keeps one entry an id, and the job's record lets it run once.
 */
export class Producers {
  readonly #address: Omit<QueueAddress, 'name'>;
  readonly #links = new Map<string, Promise<BeeLink>>();

  constructor(address: Omit<QueueAddress, 'name'>) {
    this.#address = address;
  }

  /** Resolves once Bee-Queue holds the delivery; with `delayMs` workers see it no sooner than that. */
  async enqueue(queue: string, delivery: Delivery, delayMs = 0): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const link = this.#linkOf(queue);
      const notBeforeMs = delayMs > 0 ? Date.now() + delayMs : undefined;
      try {
        return await withTimeout(
          link.then((bee) => bee.save(delivery, notBeforeMs)),
          CALL_TIMEOUT_MS,
        );
      } catch (cause) {
        this.#drop(queue, link);
        if (attempt === 2) {
          throw new RedisUnavailableError(`the queue ${queue} (${messageOf(cause)})`, { cause });
        }
      }
    }
  }

  async close(): Promise<void> {
    const links = [...this.#links.values()];
    this.#links.clear();
    await Promise.all(links.map((link) => closeLink(link, CALL_TIMEOUT_MS)));
  }

  #linkOf(queue: string): Promise<BeeLink> {
    const known = this.#links.get(queue);
    if (known) return known;
    const onBroken = (): void => this.#drop(queue, link);
    const link = openBeeLink({ ...this.#address, name: queue }, { isWorker: false, onBroken });
    this.#links.set(queue, link);
    link.catch(() => setTimeout(onBroken, COOL_DOWN_MS).unref());
    return link;
  }

  #drop(queue: string, link: Promise<BeeLink>): void {
    if (this.#links.get(queue) === link) this.#links.delete(queue);
    void closeLink(link, 1);
  }
}

const closeLink = (link: Promise<BeeLink>, timeoutMs: number): Promise<void> =>
  link.then(
    (bee) => bee.close(timeoutMs),
    () => undefined,
  );
