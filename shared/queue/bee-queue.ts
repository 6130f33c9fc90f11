import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import BeeQueue from 'bee-queue';
import { messageOf, RedisUnavailableError } from '../errors.js';
import { withTimeout } from '../process/with-timeout.js';
import type { RedisAddress } from '../redis/address.js';
import { locate } from '../redis/locate.js';
import { PING_EVERY_MS, watchLink } from '../redis/watch-link.js';
import { createBeeClients } from './bee-clients.js';

/** Where a queue lives and what it is called there. */
export interface QueueAddress {
  redis: RedisAddress;
  /** What stands before the keys of its partition. */
  prefix: string;
  name: string;
}

/** A call of a worker: Bee-Queue's job, which holds nothing. */
export interface Call {
  id: string;
  /** What Bee-Queue keeps of it in its hash, as its own `save` writes it. */
  entry: string;
}

/** Makes calls whose ids no other process uses, for `outright-writes.ts`, which writes them with their jobs. */
export function createCalls(): () => Call {
  const mine = randomBytes(9).toString('base64url');
  let count = 0;
  return () => ({ id: `${mine}${((count += 1)).toString(36)}`, entry: beeEntry(Date.now()) });
}

const beeEntry = (nowMs: number): string =>
  JSON.stringify({
    data: {},
    options: { timestamp: nowMs, stacktraces: [] },
    status: 'created',
    progress: 0,
  });

/** A connected Bee-Queue queue. It never reconnects: when its connection breaks it is dropped for a new one. */
export interface BeeLink {
  /** Starts handing out calls, one at a time. The handler must resolve, never reject. */
  process(handler: () => Promise<void>): Promise<void>;
  /** Closes; waits up to `timeoutMs` for handlers that still run. */
  close(timeoutMs: number): Promise<void>;
}

/** A call that a worker took and does not vouch for within this time is put back by Bee-Queue, in ms. */
const STALL_INTERVAL_MS = 5_000;

/**
 * Bee-Queue's own pause before it asks a broken connection again, in ms; its types do not know it. The pause doubles
 * with each of its loops, up to days, and a process that is to end would wait for it. A broken link is dropped anyway.
 */
const NO_RETRY = { initialRedisFailureRetryDelay: 0 };

/** Longest time for a link to open, in ms. The client's own limit ends when Redis accepts the connection, not when it answers. */
const OPEN_TIMEOUT_MS = 2_000;
/** Longest wait for Redis to answer QUIT, in ms. */
const QUIT_TIMEOUT_MS = 500;

/**
 * Connects a queue, at the master of its partition. `onBroken` is called once, when any of the link's connections broke, or is of
 * no use; the link is pinged every `pingEveryMs`. Rejects with {@link RedisUnavailableError} when Redis cannot be reached now.
 */
export async function openBeeLink(
  address: QueueAddress,
  { onBroken, pingEveryMs = PING_EVERY_MS }: { onBroken: (reason: string) => void; pingEveryMs?: number },
): Promise<BeeLink> {
  const place = await locate(address.redis, address.prefix);
  const clients = createBeeClients(place, beeEntry(Date.now()));
  const queue = new BeeQueue<Record<string, never>>(address.name, {
    // Bee-Queue's keys lie beside the records.
    prefix: `${address.prefix}bq`,
    redis: clients.first,
    quitCommandClient: true,
    isWorker: true,
    getEvents: false,
    sendEvents: false,
    storeJobs: false,
    removeOnSuccess: true,
    removeOnFailure: true,
    activateDelayedJobs: false,
    stallInterval: STALL_INTERVAL_MS,
    ...NO_RETRY,
  });
  let broken = false;
  const isDead = (reason: string): void => {
    if (broken) return;
    broken = true;
    onBroken(reason);
  };
  // Also for what Redis refuses: it may be another Redis by now, or a replica, and Bee-Queue would ask again without a pause.
  queue.on('error', (error) => isDead(error.message));
  const unwatch = watchLink({
    pingEveryMs,
    ping: clients.ping,
    onDead: () => isDead('no answer for several pings'),
  });
  const close = async (timeoutMs: number): Promise<void> => {
    broken = true;
    unwatch();
    const closed = queue.close(timeoutMs).catch(() => undefined);
    await Promise.race([closed, sleep(timeoutMs + QUIT_TIMEOUT_MS, undefined, { ref: false })]);
    clients.end();
  };
  try {
    await withTimeout(queue.ready(), OPEN_TIMEOUT_MS);
  } catch (cause) {
    void close(1);
    clients.end();
    throw new RedisUnavailableError(`connecting the queue ${address.name} (${messageOf(cause)})`, { cause });
  }
  return {
    async process(handler) {
      // Bee-Queue starts no loop when its first stall check fails, and says so nowhere: make one succeed first.
      await withTimeout(queue.checkStalledJobs(STALL_INTERVAL_MS), OPEN_TIMEOUT_MS);
      queue.process(1, handler);
    },
    close,
  };
}
