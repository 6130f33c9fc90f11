import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { chunkQueueOf, jobIds } from '../shared/batches/chunk-queue.js';
import { messageOf } from '../shared/errors.js';
import type { SweepStore } from '../shared/jobs/sweep-store.js';
import type { Logger } from '../shared/log/logger.js';

/** The stores and settings of a sweeper. */
export interface SweeperContext {
  sweep: SweepStore;
  /** Names of the models that exist now. */
  models: () => readonly string[];
  /** Told of every pass. */
  onSwept?: (report: SweepReport) => void;
  log: Logger;
}

/** Counts of one pass: records that were found and dealt with. */
export interface SweepReport {
  /** Running jobs whose worker was lost. */
  reaped: number;
  expired: number;
  /** Batches whose upload fell silent. */
  uploads: number;
  /** Delayed jobs that fell due while no worker took them. */
  due: number;
  /** Ended jobs and batches whose time was over. */
  forgotten: number;
}

const PASS_EVERY_MS = 1_000;
/** The lease outlasts a few passes, so that the leader keeps it while it works and loses it soon after a crash. */
const LEADER_LEASE_MS = 5_000;
/** Entries that one script run looks at: keeps Redis from being held for more than about a millisecond. */
const WINDOW = 200;
/** Windows of one kind that a pass works through at most, while they are full. */
const WINDOWS_A_PASS = 50;
/** An upload shows a sign of life every second; after this long without one its process is gone. */
const UPLOAD_SILENCE_MS = 20_000;

/** Does what comes with time: lost leases, deadlines, delayed jobs, silent uploads, and the end of what is kept. */
export class Sweeper {
  readonly #context: SweeperContext;

  constructor(context: SweeperContext) {
    this.#context = context;
  }

  /** One pass over everything. */
  async pass(): Promise<SweepReport> {
    const { sweep, onSwept, log } = this.#context;
    const mended = {
      reaped: await keepingUp(() => this.#reap()),
      expired: await keepingUp(() => this.#expire()),
      uploads: await sweep.reapUploads(UPLOAD_SILENCE_MS, WINDOW),
    };
    let due = 0;
    for (const queue of await this.#queues()) due += await keepingUp(() => sweep.due(queue, WINDOW));
    const swept = { ...mended, due, forgotten: await keepingUp(() => sweep.forget(WINDOW)) };
    onSwept?.(swept);
    if (Object.values(mended).some((count) => count > 0)) log.warn('swept', swept);
    return swept;
  }

  /** Also those of models whose package is gone or broken since. */
  async #queues(): Promise<string[]> {
    const { sweep, models } = this.#context;
    const names = new Set([...models(), ...(await sweep.models())]);
    return [...names].flatMap((name) => [name, chunkQueueOf(name)]);
  }

  async #reap(): Promise<number> {
    const { sweep, log } = this.#context;
    const reaped = await sweep.reap(WINDOW);
    for (const { jobId, queue, outcome } of reaped) {
      if (outcome === 'worker_lost') log.warn('job failed', { ...jobIds(jobId), code: outcome });
      else if (outcome === 'canceled') {
        log.debug('job canceled, its worker is lost', () => ({ ...jobIds(jobId), outcome }));
      } else log.debug('job put back, its worker is lost', () => ({ ...jobIds(jobId), queue }));
    }
    return reaped.length;
  }

  async #expire(): Promise<number> {
    const { sweep, log } = this.#context;
    const expired = await sweep.expire(WINDOW);
    for (const jobId of expired) {
      log.debug('job expired in the queue', () => ({ ...jobIds(jobId), outcome: 'expired' }));
    }
    return expired.length;
  }
}

/** Goes on while windows are full, so that what comes faster than a window a pass does not pile up. Resolves to their sum. */
async function keepingUp(sweepWindow: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let windows = 0; windows < WINDOWS_A_PASS; windows += 1) {
    const found = await sweepWindow();
    total += found;
    if (found < WINDOW) break;
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
