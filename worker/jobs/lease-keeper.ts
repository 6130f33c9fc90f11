import { messageOf } from '../../shared/errors.js';
import type { ClaimedJob } from '../../shared/jobs/claimed-job.js';
import type { JobLeases } from '../../shared/jobs/job-leases.js';
import type { Logger } from '../../shared/log/logger.js';

/** Why a job leaves its worker before it has an outcome. */
export type Leave = 'canceling' | 'lost';

/** A job that is held under a lease. */
interface Leased {
  readonly claimed: ClaimedJob;
}

/** Renews the leases of every job this worker holds, all in one call every third of a lease. */
export class LeaseKeeper {
  readonly #leases: JobLeases;
  readonly #leaseMs: number;
  readonly #log: Logger;
  readonly #held = new Map<string, { job: Leased; leave: (why: Leave) => void }>();
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
  hold<Job extends Leased>(job: Job, onLeave: (job: Job, why: Leave) => void): void {
    this.#held.set(job.claimed.id, { job, leave: (why) => onLeave(job, why) });
  }

  letGo(job: Leased): void {
    if (this.#held.get(job.claimed.id)?.job === job) this.#held.delete(job.claimed.id);
  }

  /** A client canceled this job, which this worker may hold or not. */
  cancelRequested(id: string): void {
    this.#held.get(id)?.leave('canceling');
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
      entries.forEach(({ leave }, index) => {
        const reply = replies[index];
        if (reply === 'canceling' || reply === 'lost') leave(reply);
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
