import type { Delivery } from '../queue/bee-queue.js';
import type { BeeKeys } from '../queue/bee-queue.js';
import { listOf, type RecordScripts } from './record-scripts.js';

/** A delivery and the queue it has to be put into. */
export interface QueuedDelivery extends Delivery {
  queue: string;
}

/** One window of a long walk. `next` is where the following window starts; undefined when the end was reached. */
export interface SweptWindow<T> {
  found: T;
  next: string | undefined;
}

/** The sweeper's scripts: they look at bounded windows, so that none holds Redis for long. */
export class SweepStore {
  readonly #records: RecordScripts;

  constructor(records: RecordScripts) {
    this.#records = records;
  }

  /** Takes, keeps or (with 0 ms) gives up the lease that lets one process sweep. */
  async lead(who: string, leaseMs: number): Promise<boolean> {
    return (await this.#records.run('lead', [who, String(leaseMs)])) === 1;
  }

  /** Ends or requeues running jobs whose lease is over. */
  async reap(limit: number): Promise<QueuedDelivery[]> {
    const flat = listOf(await this.#records.run('reap', [String(limit)]));
    return triples(flat).map(([queue, jobId, delivery]) => ({ queue, jobId, delivery: Number(delivery) }));
  }

  /** Ends queued jobs that are past their queue deadline; resolves to how many. */
  async expire(limit: number): Promise<number> {
    return Number(await this.#records.run('expire', [String(limit)]));
  }

  /** Cancels batches whose upload was silent for so long; resolves to how many. */
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
    const found: Delivery[] = [];
    for (let i = 0; i + 1 < flat.length; i += 2) {
      found.push({ jobId: String(flat[i]), delivery: Number(flat[i + 1]) });
    }
    return { found, next: next ? String(next) : undefined };
  }

  /** Takes ids without an entry out of one window of a Bee-Queue list. `found` counts them. */
  async ghosts(
    bee: BeeKeys,
    list: 'waiting' | 'active',
    { offset, limit }: { offset: number; limit: number },
  ): Promise<{ lookedAt: number; removed: number }> {
    const keys = [bee[list], bee.jobs, bee.stalling];
    const [lookedAt, removed] = listOf(
      await this.#records.run('ghosts', [String(offset), String(limit)], keys),
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

  /** Every time index there may be. */
  async indexes(): Promise<string[]> {
    const owners = listOf(await this.#records.redis.command(['SMEMBERS', this.#records.key('owners')]));
    return ['all', ...owners.map((owner) => `owner:${String(owner)}`)].flatMap((scope) => [
      `index:${scope}`,
      `index:${scope}:failed`,
      `index:${scope}:canceled`,
      `index:${scope}:expired`,
      `batches:${scope}`,
    ]);
  }
}

function triples(flat: readonly unknown[]): [string, string, string][] {
  const rows: [string, string, string][] = [];
  for (let i = 0; i + 2 < flat.length; i += 3) {
    rows.push([String(flat[i]), String(flat[i + 1]), String(flat[i + 2])]);
  }
  return rows;
}
