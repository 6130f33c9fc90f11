import { setTimeout as sleep } from 'node:timers/promises';
import BeeQueue from 'bee-queue';
import { messageOf, RedisUnavailableError } from '../errors.js';
import { withTimeout } from '../process/with-timeout.js';
import type { RedisAddress } from '../redis/address.js';
import { PING_EVERY_MS, watchLink } from '../redis/watch-link.js';
import { createBeeClients } from './bee-clients.js';

/** One put of a job into Bee-Queue. The transport's own id is `<job id>.<delivery>`, new for every delivery. */
export interface Delivery {
  jobId: string;
  delivery: number;
}

/** Where a queue lives and what it is called there. */
export interface QueueAddress {
  redis: RedisAddress;
  /** Put before every key, Bee-Queue's included. */
  keyPrefix: string;
  name: string;
}

/** The keys in which Bee-Queue 2 keeps a queue; the sweeper, autoscalers and the depth watch look at them. */
export interface BeeKeys {
  /** Hash: transport id to what Bee-Queue stores of it, from enqueue to the end of its handler. */
  jobs: string;
  /** List of transport ids that wait. */
  waiting: string;
  /** List of transport ids that a worker took. */
  active: string;
  /** Sorted set of transport ids that wait for their time. */
  delayed: string;
  /** Set of transport ids that the next stall check would put back. */
  stalling: string;
}

/** The keys of a queue. */
export function beeKeys({ keyPrefix, name }: Pick<QueueAddress, 'keyPrefix' | 'name'>): BeeKeys {
  const base = `${beePrefix(keyPrefix)}:${name}:`;
  return {
    jobs: `${base}jobs`,
    waiting: `${base}waiting`,
    active: `${base}active`,
    delayed: `${base}delayed`,
    stalling: `${base}stalling`,
  };
}

const beePrefix = (keyPrefix: string): string => `${keyPrefix}bq`;

/**
 * What Bee-Queue keeps of a delivery in its hash, as its own `save` writes it. The script that accepts a job puts this, and
 * the id into `waiting`, in the same breath; all other deliveries go through {@link BeeLink.save}.
 */
export const beeEntry = (nowMs: number): string =>
  JSON.stringify({
    data: {},
    options: { timestamp: nowMs, stacktraces: [] },
    status: 'created',
    progress: 0,
  });

/** Bee's list and hash member of a delivery. */
export const transportId = ({ jobId, delivery }: Delivery): string => `${jobId}.${delivery}`;

/** Reads a transport id; undefined for one that is not ours. */
export function parseTransportId(id: string): Delivery | undefined {
  const dot = id.lastIndexOf('.');
  const delivery = Number(id.slice(dot + 1));
  return dot > 0 && Number.isSafeInteger(delivery) ? { jobId: id.slice(0, dot), delivery } : undefined;
}

/** A connected Bee-Queue queue. It never reconnects: when its connection breaks it is dropped for a new one. */
export interface BeeLink {
  /** Puts a delivery into the queue; with `notBeforeMs` (Unix time) it waits until then. */
  save(delivery: Delivery, notBeforeMs?: number): Promise<void>;
  /** Starts handing out deliveries, so many at a time. The handler must resolve, never reject. */
  process(concurrency: number, handler: (delivery: Delivery) => Promise<void>): Promise<void>;
  /** Closes; waits up to `timeoutMs` for handlers that still run. */
  close(timeoutMs: number): Promise<void>;
}

/** Whether a link hands out jobs, and what it reports. */
export interface BeeLinkOptions {
  isWorker: boolean;
  /** Called once, when any of the link's connections broke, or is of no use. */
  onBroken: (reason: string) => void;
  /** Time between two pings of a worker's link, in ms. @default 2000 */
  pingEveryMs?: number;
}

/**
 * Work that a worker took and does not vouch for within this time is put back by Bee-Queue, in ms. A job put back
 * while its first worker still holds it does no harm: the record lets only one of them run it.
 */
export const STALL_INTERVAL_MS = 5_000;

/**
 * Bee-Queue's own pause before it asks a broken connection again, in ms; its types do not know it. The pause doubles
 * with each of its loops, up to days, and a process that is to end would wait for it. A broken link is dropped anyway.
 */
const NO_RETRY = { initialRedisFailureRetryDelay: 0 };

/** Longest time for a link to open, in ms. The client's own limit ends when Redis accepts the connection, not when it answers. */
const OPEN_TIMEOUT_MS = 2_000;
/** Longest wait for Redis to answer QUIT, in ms. */
const QUIT_TIMEOUT_MS = 500;

/** Connects a queue. Rejects with {@link RedisUnavailableError} when Redis cannot be reached now. */
export async function openBeeLink(
  address: QueueAddress,
  { isWorker, onBroken, pingEveryMs = PING_EVERY_MS }: BeeLinkOptions,
): Promise<BeeLink> {
  const clients = createBeeClients(address.redis, beeEntry(Date.now()));
  const queue = new BeeQueue<Record<string, never>>(address.name, {
    prefix: beePrefix(address.keyPrefix),
    redis: clients.first,
    quitCommandClient: true,
    isWorker,
    getEvents: false,
    sendEvents: false,
    storeJobs: false,
    removeOnSuccess: true,
    removeOnFailure: true,
    activateDelayedJobs: isWorker,
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
  // Producers need no link watch: every call has its own timeout (producers.ts).
  const unwatch = isWorker
    ? watchLink({ pingEveryMs, ping: clients.ping, onDead: () => isDead('no answer for several pings') })
    : () => undefined;
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
    async save(delivery, notBeforeMs) {
      const job = queue.createJob({}).setId(transportId(delivery));
      if (notBeforeMs !== undefined) job.delayUntil(new Date(notBeforeMs));
      await job.save();
    },
    async process(concurrency, handler) {
      // Bee-Queue starts no loop when its first stall check fails, and says so nowhere: make one succeed first.
      await withTimeout(queue.checkStalledJobs(STALL_INTERVAL_MS), OPEN_TIMEOUT_MS);
      queue.process(concurrency, (job) => {
        const delivery = parseTransportId(job.id);
        return delivery ? handler(delivery) : Promise.resolve();
      });
    },
    close,
  };
}
