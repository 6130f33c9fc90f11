import { type BeeKeys, type Delivery, parseTransportId } from '../queue/bee-queue.js';
import { findLostEntries } from '../queue/lost-entries.js';
import type { RedisReply } from '../redis/redis.js';
import { DEFAULT_QUEUE_TTL_MS } from './job-leases.js';
import { listOf, type RecordScripts } from '../records/records.js';

/** A delivery and the queue it has to be put into. */
export interface QueuedDelivery extends Delivery {
  queue: string;
}

/** One window of a long walk. `next` is where the following window starts; undefined when the end was reached. */
export interface SweptWindow<T> {
  found: T;
  next: string | undefined;
}

/** A window of a list from which handled entries are removed: the `offset` entries before it stay. */
export interface OffsetWindow {
  offset: number;
  limit: number;
}

/** The result of a {@link Window}, and the offset of the next one; 0 when the end was reached. */
export interface SweptFrom<T> {
  found: T;
  next: number;
}

/** Running jobs whose lease was over: `found` wait again, the others have ended. */
export interface Reaped extends SweptFrom<QueuedDelivery[]> {
  ended: { jobId: string; outcome: 'canceled' | 'worker_lost' }[];
}

/** Owners whose indexes one run of the script looks up: a dozen each, so that a run blocks Redis for a short time. */
const OWNERS_A_SCRIPT = 32;

/** The sweeper's scripts. Each run reads a bounded window, so that it blocks Redis for a short time. */
export class SweepStore {
  readonly #records: RecordScripts;

  constructor(records: RecordScripts) {
    this.#records = records;
  }

  /** Takes, keeps or (with 0 ms) gives up the lease that lets one process sweep. */
  async lead(who: string, leaseMs: number): Promise<boolean> {
    return (await this.#records.run('lead', [who, String(leaseMs)])) === 1;
  }

  /** Ends or requeues running jobs whose lease is over, in one window from `offset` on. */
  async reap({ offset, limit }: OffsetWindow): Promise<Reaped> {
    const [next, again, ended] = listOf(await this.#records.run('reap', [String(limit), String(offset)]));
    return {
      found: groupsOf(3, again).map(([queue, jobId, delivery]) => ({
        queue: String(queue),
        jobId: String(jobId),
        delivery: Number(delivery),
      })),
      ended: groupsOf(2, ended).map(([jobId, outcome]) => ({
        jobId: String(jobId),
        outcome: outcome === 'canceled' ? 'canceled' : 'worker_lost',
      })),
      next: Number(next),
    };
  }

  /**
   * Ends queued jobs that have waited for too long, in one window from `offset` on: of `queue` those that wait longer than
   * any may, without a queue those past a deadline of their own. `found` are their ids.
   */
  async expire(
    { offset, limit }: OffsetWindow,
    { queue = '', queueTtlMs = DEFAULT_QUEUE_TTL_MS }: { queue?: string; queueTtlMs?: number } = {},
  ): Promise<SweptFrom<string[]>> {
    const args = [String(limit), String(offset), String(queueTtlMs), queue];
    const [next, expired] = listOf(await this.#records.run('expire', args));
    return { found: listOf(expired).map(String), next: Number(next) };
  }

  /** The queues in which jobs may wait: `known`, and those of models whose package is gone or broken since. */
  async queues(known: readonly string[]): Promise<string[]> {
    const busy = listOf(await this.#records.redis.command(['SMEMBERS', this.#records.key('queues')]));
    return [...new Set([...known, ...busy.map(String)])];
  }

  /** Cancels batches whose upload was silent for that time; resolves to their number. */
  async reapUploads(silenceMs: number, limit: number): Promise<number> {
    return Number(await this.#records.run('batch-reap', [String(silenceMs), String(limit)]));
  }

  /** Finds queued jobs of at least `minAgeMs` that Bee-Queue does not hold, and gives each a new delivery. */
  async orphans(
    queue: string,
    jobsHash: string,
    { from, limit, minAgeMs }: { from: string | undefined; limit: number; minAgeMs: number },
  ): Promise<SweptWindow<Delivery[]>> {
    const args = [queue, from ?? '-inf', String(limit), String(minAgeMs)];
    const [next, ...flat] = listOf(await this.#records.run('orphans', args, [jobsHash]));
    return { found: deliveriesOf(flat), next: next ? String(next) : undefined };
  }

  /** Drops entries that stand in none of Bee-Queue's lists; gives the jobs that wait under them new deliveries. */
  async lost(bee: BeeKeys, limit: number): Promise<{ dropped: number; found: Delivery[] }> {
    const lost = await findLostEntries(this.#records.redis, bee);
    if (lost.length === 0) return { dropped: 0, found: [] };
    const args = lost.slice(0, limit).flatMap((name) => {
      const { jobId = '', delivery = 0 } = parseTransportId(name) ?? {};
      return [name, jobId, String(delivery)];
    });
    const [dropped, ...flat] = listOf(await this.#records.run('lost', args, [bee.jobs]));
    return { dropped: Number(dropped), found: deliveriesOf(flat) };
  }

  /**
   * Takes ids without an entry out of one window of a Bee-Queue list; out of `waiting` also deliveries under which no
   * job waits any more.
   */
  async ghosts(
    bee: BeeKeys,
    list: 'waiting' | 'active',
    { offset, limit }: OffsetWindow,
  ): Promise<{ lookedAt: number; removed: number }> {
    const keys = [bee[list], bee.jobs, bee.stalling];
    const [lookedAt, removed] = listOf(
      await this.#records.run('ghosts', [String(offset), String(limit), list], keys),
    );
    return { lookedAt: Number(lookedAt), removed: Number(removed) };
  }

  /** Drops index entries older than `minAgeMs` whose records are gone. `found` counts them. */
  async trim(
    index: string,
    { from, limit, minAgeMs }: { from: string | undefined; limit: number; minAgeMs: number },
  ): Promise<SweptWindow<number>> {
    const kind = index.startsWith('batches:') ? 'batch:' : 'job:';
    const args = [from ?? '-inf', String(limit), String(minAgeMs), kind];
    const [next, dropped] = listOf(await this.#records.run('trim', args, [this.#records.key(index)]));
    return { found: Number(dropped), next: next ? String(next) : undefined };
  }

  /**
   * The time indexes of everybody's records and of the next owners', as far as they hold anything. Owners of whom nothing
   * is left are forgotten.
   */
  async indexes(from: string | undefined): Promise<SweptWindow<string[]>> {
    const { redis } = this.#records;
    const scan = ['SSCAN', this.#records.key('owners'), from ?? '0', 'COUNT', String(OWNERS_A_SCRIPT)];
    const [next, page] = listOf(await redis.command(scan));
    const owners = ['*', ...listOf(page).map(String)];
    const found: string[] = [];
    // Redis scans a small set as a whole and ignores COUNT.
    for (let i = 0; i < owners.length; i += OWNERS_A_SCRIPT) {
      const names = await this.#records.run('indexes', owners.slice(i, i + OWNERS_A_SCRIPT));
      found.push(...listOf(names).map(String));
    }
    return { found, next: next === '0' ? undefined : String(next) };
  }
}

const deliveriesOf = (flat: RedisReply[]): Delivery[] =>
  groupsOf(2, flat).map(([jobId, delivery]) => ({ jobId: String(jobId), delivery: Number(delivery) }));

/** Splits a flat list into parts of `size`. */
function groupsOf(size: number, flat: RedisReply | undefined): RedisReply[][] {
  const list = listOf(flat);
  return Array.from({ length: list.length / size }, (_, i) => list.slice(i * size, (i + 1) * size));
}
