import type { HeldJob } from './held-job.js';
import type { Leave } from './lease-keeper.js';

/** Least time from the start of a prediction, or from the leaving of a job, to the kill, in ms: most predictions end by then. */
const KILL_AFTER_MS = 250;

/** Reactions of a watch. */
export interface RunWatchActions {
  /** The only job of the run is past its timeout: it has to be decided. */
  timedOut(job: HeldJob): void;
  /** The prediction has taken too long for somebody. */
  kill(reason: string): void;
}

/**
 * Watches one prediction, so that no job holds another up for longer than its own timeout: the process is killed once the
 * first timeout of its jobs is over, or a little after one of them was canceled. Of a job that runs alone that was its
 * attempt; of several nobody can say which of them is slow.
 */
export class RunWatch {
  readonly #jobs: readonly HeldJob[];
  readonly #actions: RunWatchActions;
  readonly #late: NodeJS.Timeout;
  #kill: NodeJS.Timeout;

  constructor(jobs: readonly HeldJob[], actions: RunWatchActions) {
    this.#jobs = jobs;
    this.#actions = actions;
    const firstMs = Math.min(...jobs.map((job) => job.claimed.record.timeoutMs));
    const [job] = jobs;
    this.#late = setTimeout(() => job && jobs.length === 1 && actions.timedOut(job), firstMs);
    this.#kill = this.#killIn(Math.max(KILL_AFTER_MS, firstMs), `it ran longer than ${firstMs} ms`);
  }

  /** A job has left while the prediction runs. A job that another worker took does no harm to the jobs that are left. */
  left(job: HeldJob, why: Leave): void {
    if (!this.#jobs.includes(job) || (why === 'lost' && this.#jobs.some(({ isLive }) => isLive))) return;
    const before = this.#kill;
    this.#kill = this.#killIn(KILL_AFTER_MS, `a job that it ran is ${why}`);
    clearTimeout(before);
  }

  /** The prediction is over. */
  end(): void {
    clearTimeout(this.#late);
    clearTimeout(this.#kill);
  }

  #killIn(ms: number, reason: string): NodeJS.Timeout {
    return setTimeout(() => this.#actions.kill(reason), ms);
  }
}
