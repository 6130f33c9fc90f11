import { messageOf } from '../../shared/errors.js';
import type { JobLeases } from '../../shared/jobs/job-leases.js';
import type { Logger } from '../../shared/log/logger.js';
import type { HeldJob } from './held-job.js';

/** Why a job leaves its worker before it has an outcome. */
export type Leave = 'canceling' | 'lost';

/** Renews the leases of every job this worker holds, all in one call every third of a lease. */
export class LeaseKeeper {
  readonly #leases: JobLeases;
  readonly #leaseMs: number;
  readonly #log: Logger;
  readonly #held = new Map<string, { job: HeldJob; onLeave: (job: HeldJob, why: Leave) => void }>();
  readonly #timer: NodeJS.Timeout;
  #isRenewing = false;
  #isAway = false;

  constructor(leases: JobLeases, leaseMs: number, log: Logger) {
    this.#leases = leases;
    this.#leaseMs = leaseMs;
    this.#log = log;
    this.#timer = setInterval(() => void this.#renew(), leaseMs / 3);
  }

  /** Holds a claimed job until {@link letGo}. `onLeave` is called when it is canceled, or lost to another worker. */
  hold(job: HeldJob, onLeave: (job: HeldJob, why: Leave) => void): void {
    this.#held.set(job.claimed.id, { job, onLeave });
  }

  letGo(job: HeldJob): void {
    if (this.#held.get(job.claimed.id)?.job === job) this.#held.delete(job.claimed.id);
  }

  /** A client canceled this job, which this worker may hold or not. */
  cancelRequested(id: string): void {
    const entry = this.#held.get(id);
    entry?.onLeave(entry.job, 'canceling');
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #renew(): Promise<void> {
    // A call that hangs must not pile up others behind it.
    if (this.#held.size === 0 || this.#isRenewing) return;
    this.#isRenewing = true;
    const entries = [...this.#held.values()];
    const jobs = entries.map(({ job }) => job.claimed);
    try {
      const replies = await this.#leases.renew(jobs, this.#leaseMs);
      this.#isAway = false;
      entries.forEach(({ job, onLeave }, index) => {
        const reply = replies[index];
        if (reply === 'canceling' || reply === 'lost') onLeave(job, reply);
      });
    } catch (error) {
      if (!this.#isAway) {
        this.#log.warn('leases not renewed', { jobs: jobs.length, error: messageOf(error) });
      }
      this.#isAway = true;
    } finally {
      this.#isRenewing = false;
    }
  }
}
