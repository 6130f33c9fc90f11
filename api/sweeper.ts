import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { jobIds } from '../shared/batches/chunk-queue.js';
import { messageOf } from '../shared/errors.js';
import { DEFAULT_QUEUE_TTL_MS } from '../shared/jobs/job-leases.js';
import type { SweepStore } from '../shared/jobs/sweep-store.js';
import type { LogFields, Logger } from '../shared/log/logger.js';
import { beeKeys } from '../shared/queue/bee-queue.js';
import type { Producers } from '../shared/queue/producers.js';

/** The stores and settings of a sweeper. */
export interface SweeperContext {
  sweep: SweepStore;
  producers: Producers;
  keyPrefix: string;
  /** Names of the queues that exist now. */
  queues: () => readonly string[];
  /** Longest that a job may wait. */
  queueTtlMs?: number;
  /** Time to live of the records of ended jobs: the sweeper does not read index entries that are younger. */
  resultTtlMs: number;
  /** Told of every pass. */
  onSwept?: (report: SweepReport) => void;
  log: Logger;
}

/** Counts of one pass: records that were found and mended. */
export interface SweepReport {
  reaped: number;
  expired: number;
  /** Batches whose upload fell silent. */
  uploads: number;
  orphans: number;
  /** Entries of Bee-Queue that stood in none of its lists. */
  lost: number;
  /** Ids in Bee-Queue's lists under which nothing is to be run any more. */
  ghosts: number;
  trimmed: number;
}

const PASS_EVERY_MS = 1_000;
/** The lease outlasts a few passes, so that the leader keeps it while it works and loses it soon after a crash. */
const LEADER_LEASE_MS = 5_000;
/** Entries that one script run looks at: keeps Redis from being held for more than about a millisecond. */
const WINDOW = 500;
/** Windows of one list that a pass works through at most, while most of what it looks at has to go. */
const WINDOWS_A_PASS = 20;
/** A job not in Bee-Queue is given this time for its enqueue to arrive. */
const ORPHAN_AGE_MS = 5_000;
/** An upload shows a sign of life every second; after this long without one its process is gone. */
const UPLOAD_SILENCE_MS = 20_000;

/** Mends what crashes leave behind. Every pass looks at the next window of each long list and starts over at its end. */
export class Sweeper {
  readonly #context: SweeperContext;
  readonly #windows = new Map<string, string>();
  readonly #offsets = new Map<string, number>();

  constructor(context: SweeperContext) {
    this.#context = context;
  }

  /** One pass over everything. */
  async pass(): Promise<SweepReport> {
    const { sweep, queues, queueTtlMs = DEFAULT_QUEUE_TTL_MS, log } = this.#context;
    const reaped = await this.#reap();
    let expired = await keepingUp(() => this.#expire({ queueTtlMs }));
    const uploads = await sweep.reapUploads(UPLOAD_SILENCE_MS, WINDOW);
    let [orphans, lost, ghosts, trimmed] = [0, 0, 0, 0];
    for (const queue of await sweep.queues(queues())) {
      expired += await keepingUp(() => this.#expire({ queue, queueTtlMs }));
      orphans += await this.#enqueueOrphans(queue);
      lost += await this.#mendLost(queue);
      for (const list of ['waiting', 'active'] as const) {
        ghosts += await keepingUp(() => this.#removeGhosts(queue, list));
      }
    }
    const mended = { reaped, expired, uploads, orphans, lost, ghosts };
    const indexes = await sweep.indexes(this.#windows.get('indexes'));
    this.#moveOn('indexes', indexes.next);
    for (const index of indexes.found) trimmed += await keepingUp(() => this.#trim(index));
    const swept = { ...mended, trimmed };
    this.#context.onSwept?.(swept);
    if (Object.values(mended).some((count) => count > 0)) log.warn('swept', swept);
    return swept;
  }

  async #reap(): Promise<number> {
    const { sweep, producers, log } = this.#context;
    const { found, ended, next } = await sweep.reap({
      offset: this.#offsets.get('running') ?? 0,
      limit: WINDOW,
    });
    this.#offsets.set('running', next);
    // One that does not get through is an orphan afterwards.
    for (const { queue, ...delivery } of found) {
      this.#tell('job put back, its worker is lost', delivery.jobId, { queue });
      await producers.enqueue(queue, delivery);
    }
    for (const { jobId, outcome } of ended) {
      if (outcome === 'canceled') this.#tell('job canceled, its worker is lost', jobId, { outcome });
      else log.warn('job failed', { ...jobIds(jobId), code: outcome });
    }
    return found.length;
  }

  async #expire(late: { queue?: string; queueTtlMs: number }): Promise<number> {
    const place = `late ${late.queue}`;
    const offset = this.#offsets.get(place) ?? 0;
    const { found, next } = await this.#context.sweep.expire({ offset, limit: WINDOW }, late);
    this.#offsets.set(place, next);
    for (const jobId of found) this.#tell('job expired in the queue', jobId, { outcome: 'expired' });
    return found.length;
  }

  async #enqueueOrphans(queue: string): Promise<number> {
    const { sweep, producers, keyPrefix } = this.#context;
    const { jobs } = beeKeys({ keyPrefix, name: queue });
    const place = `orphans ${queue}`;
    const window = { from: this.#windows.get(place), limit: WINDOW, minAgeMs: ORPHAN_AGE_MS };
    const { found, next } = await sweep.orphans(queue, jobs, window);
    this.#moveOn(place, next);
    for (const delivery of found) {
      this.#tell('job put into its queue, where it was missing', delivery.jobId, { queue });
      await producers.enqueue(queue, delivery);
    }
    return found.length;
  }

  async #mendLost(queue: string): Promise<number> {
    const { sweep, producers, keyPrefix } = this.#context;
    const { dropped, found } = await sweep.lost(beeKeys({ keyPrefix, name: queue }), WINDOW);
    for (const delivery of found) await producers.enqueue(queue, delivery);
    return dropped;
  }

  async #removeGhosts(queue: string, list: 'waiting' | 'active'): Promise<number> {
    const { sweep, keyPrefix } = this.#context;
    const place = `${list} ${queue}`;
    const offset = this.#offsets.get(place) ?? 0;
    const keys = beeKeys({ keyPrefix, name: queue });
    const { lookedAt, removed } = await sweep.ghosts(keys, list, { offset, limit: WINDOW });
    this.#offsets.set(place, lookedAt < WINDOW ? 0 : offset + WINDOW - removed);
    return removed;
  }

  async #trim(index: string): Promise<number> {
    const { sweep, resultTtlMs } = this.#context;
    const window = { from: this.#windows.get(index), limit: WINDOW, minAgeMs: resultTtlMs };
    const { found, next } = await sweep.trim(index, window);
    this.#moveOn(index, next);
    return found;
  }

  /** Logs a debug line about one job. */
  #tell(message: string, jobId: string, fields: LogFields): void {
    this.#context.log.debug(message, () => ({ ...jobIds(jobId), ...fields }));
  }

  #moveOn(place: string, next: string | undefined): void {
    if (next === undefined) this.#windows.delete(place);
    else this.#windows.set(place, next);
  }
}

/**
 * Goes on to the next window while most of the last one had to be dealt with, so that what comes faster than a window a
 * pass does not pile up. Resolves to how much was dealt with.
 */
async function keepingUp(sweepWindow: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let windows = 0; windows < WINDOWS_A_PASS; windows += 1) {
    const found = await sweepWindow();
    total += found;
    if (found < WINDOW / 2) break;
  }
  return total;
}

/** Sweeps once a second while this process holds the sweeper's lease. Redis being away only delays it. */
export function startSweeper(context: SweeperContext): { close(): Promise<void> } {
  const me = randomUUID();
  const stopping = new AbortController();
  const sweeper = new Sweeper(context);
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        if (await context.sweep.lead(me, LEADER_LEASE_MS)) await sweeper.pass();
      } catch (error) {
        context.log.warn('sweep cut short', { reason: messageOf(error) });
      }
      await sleep(PASS_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const ended = run();
  return {
    async close() {
      stopping.abort();
      await ended;
      await context.sweep.lead(me, 0).catch(() => undefined);
    },
  };
}
