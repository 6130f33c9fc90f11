import { listOf, type RecordScripts } from '../records/records.js';

/** A running job whose lease was over, and what became of it. */
export interface Reaped {
  jobId: string;
  queue: string;
  outcome: 'queued' | 'canceled' | 'worker_lost';
}

/** The sweeper's scripts. Each run looks at a bounded number of entries, so that it blocks Redis for a short time. */
export class SweepStore {
  readonly #records: RecordScripts;

  constructor(records: RecordScripts) {
    this.#records = records;
  }

  /** Takes, keeps or (with 0 ms) gives up the lease that lets one process sweep. */
  async lead(who: string, leaseMs: number): Promise<boolean> {
    return (await this.#records.run('lead', [who, String(leaseMs)])) === 1;
  }

  /** Ends running jobs whose lease is over, or lets them wait again. */
  async reap(most: number): Promise<Reaped[]> {
    const flat = listOf(await this.#records.run('reap', [String(most)])).map(String);
    return Array.from({ length: flat.length / 3 }, (_, index) => {
      const [jobId = '', queue = '', outcome] = flat.slice(3 * index, 3 * index + 3);
      return { jobId, queue, outcome: outcome as Reaped['outcome'] };
    });
  }

  /** Ends jobs that have waited for too long; resolves to their ids. */
  async expire(most: number): Promise<string[]> {
    return listOf(await this.#records.run('expire', [String(most)])).map(String);
  }

  /** Lets the delayed jobs of a queue wait in their lanes that are due, and mends a lost call. Resolves to their number. */
  async due(queue: string, most: number): Promise<number> {
    return Number(await this.#records.run('due', [queue, String(most)]));
  }

  /** The models of which there have been jobs. */
  async models(): Promise<string[]> {
    const fields = listOf(await this.#records.redis.command(['HKEYS', this.#records.key('counts')]));
    return fields.flatMap((field) => /^(.+):submitted$/.exec(String(field))?.[1] ?? []);
  }

  /** Removes ended jobs and batches whose time is over, with their entries in lists. Resolves to their number. */
  async forget(most: number): Promise<number> {
    return Number(await this.#records.run('forget', [String(most)]));
  }

  /** Cancels batches whose upload was silent for that time; resolves to their number. */
  async reapUploads(silenceMs: number, most: number): Promise<number> {
    return Number(await this.#records.run('batch-reap', [String(silenceMs), String(most)]));
  }
}
