import type { HeldJob } from './held-job.js';

/** A prediction that nobody waits for any more may still run for so long before its process is killed, in ms. */
const UNWANTED_MS = 5_000;
/** No process is killed sooner: a `timeout_ms` of 1 must not cost everybody a restart. In ms. */
const KILL_NOT_BEFORE_MS = 250;

/** What a watch sets off. */
export interface RunWatchActions {
  /** These jobs are past their own timeout. They have to be decided. */
  timedOut(jobs: HeldJob[]): void;
  /** Nobody waits for the prediction and its time is over. */
  kill(reason: string): void;
}

/**
 * Watches one prediction. Each of its jobs times out by itself while the others' prediction runs on; the process is
 * killed once nobody waits for it and the largest timeout, or five seconds, have passed.
 */
export class RunWatch {
  readonly #jobs: readonly HeldJob[];
  readonly #actions: RunWatchActions;
  readonly #startedMs = performance.now();
  readonly #killAtMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(jobs: readonly HeldJob[], actions: RunWatchActions) {
    this.#jobs = jobs;
    this.#actions = actions;
    const largestMs = Math.max(...jobs.map((job) => job.claimed.timeoutMs));
    this.#killAtMs = Math.max(KILL_NOT_BEFORE_MS, Math.min(UNWANTED_MS, largestMs));
    this.look();
  }

  /** Looks again: to be called when a job was decided while the prediction runs. */
  look(): void {
    clearTimeout(this.#timer);
    const elapsedMs = performance.now() - this.#startedMs;
    const due = this.#live().filter((job) => job.claimed.timeoutMs <= elapsedMs);
    if (due.length > 0) this.#actions.timedOut(due);
    const live = this.#live();
    if (live.length === 0 && elapsedMs >= this.#killAtMs) {
      this.#actions.kill(`no job waits for it after ${Math.round(elapsedMs)} ms`);
      return;
    }
    const nextMs = live.length > 0 ? Math.min(...live.map((job) => job.claimed.timeoutMs)) : this.#killAtMs;
    this.#timer = setTimeout(() => this.look(), nextMs - elapsedMs);
  }

  /** The prediction is over. */
  end(): void {
    clearTimeout(this.#timer);
  }

  #live(): HeldJob[] {
    return this.#jobs.filter((job) => job.isLive);
  }
}
