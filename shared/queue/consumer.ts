import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors.js';
import { backOff } from '../process/backoff.js';
import { type BeeLink, openBeeLink, type QueueAddress } from './bee-queue.js';

/** Takes calls from one queue and keeps doing so whatever happens to the connection. */
export interface Consumer {
  /** Stops taking at once. Resolves when the handler has ended, or after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
}

/** Options of a consumer. */
export interface ConsumerOptions {
  address: QueueAddress;
  /** Must resolve when nothing is left to do, and never reject. Runs once at a time. */
  handler: () => Promise<void>;
  onWarning: (message: string, fields: Record<string, unknown>) => void;
}

/** Pause before a new link; the first one follows on a link that was lost. */
const LINK_BACKOFF = { firstMs: 50, mostMs: 1_000 };

/** Starts consuming in the background, until {@link Consumer.drain}. */
export function startConsumer({ address, handler, onWarning }: ConsumerOptions): Consumer {
  const stopping = new AbortController();
  let link: BeeLink | undefined;
  let breakLink: (reason: string) => void = () => undefined;

  const serve = async (): Promise<void> => {
    const broken = new Promise<string>((resolve) => {
      breakLink = resolve;
    });
    const bee = await openBeeLink(address, { onBroken: (reason) => breakLink(reason) });
    link = bee;
    try {
      if (stopping.signal.aborted) return;
      await bee.process(handler);
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
    async drain(timeoutMs) {
      stopping.abort();
      const closed = link?.close(timeoutMs);
      await Promise.race([closed, sleep(timeoutMs, undefined, { ref: false })]);
      breakLink('draining');
      await Promise.race([ended, sleep(1_000, undefined, { ref: false })]);
    },
  };
}
