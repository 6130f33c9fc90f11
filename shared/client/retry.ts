import { ProblemError, UnreachableError } from './errors.js';
import { backoffMs } from '../process/backoff.js';
import { pause } from '../process/pause.js';

/** How long to bear with a server that is away. */
export interface RetryOptions {
  signal?: AbortSignal | undefined;
  /**
   * How long the server may be away, or answer that it cannot now, before that is an error, in ms. A 429 starts the time
   * anew: what counts is how long each asks to wait. @default 60_000
   */
  outageMs?: number | undefined;
  onWait?: OnWait | undefined;
}

/** Told of every wait, and why. An error that it throws ends the waiting. */
export type OnWait = (waitMs: number, error: unknown) => void;

/** For the first call to a server: where none can be reached from the start there is most likely none, which is thrown. */
export function firstContact(onWait: OnWait): OnWait {
  let hasWaited = false;
  return (waitMs, error) => {
    if (!hasWaited && error instanceof UnreachableError && !error.isBroken) throw error;
    hasWaited = true;
    onWait(waitMs, error);
  };
}

/** Whatever the server says: a Retry-After of 0 must not become a busy loop. */
export const LEAST_PAUSE_MS = 100;
const SERVER_BACKOFF = { firstMs: 250, mostMs: 5_000 };

/** Counts the failures in a row of one kind of request, and waits longer after each. */
export class Patience {
  #failures = 0;
  #failingSinceMs = 0;

  constructor(private readonly options: RetryOptions) {}

  /** A request went well. */
  restore(): void {
    this.#failures = 0;
  }

  /** Waits until it is time to try again. Throws `error` when that would not help, or the outage is too long. */
  async bear(error: unknown): Promise<void> {
    const { signal, outageMs = 60_000, onWait } = this.options;
    const nowMs = Date.now();
    if (this.#failures === 0 || isLimit(error)) this.#failingSinceMs = nowMs;
    const delayMs = retryDelay(error, this.#failures);
    if (delayMs === undefined || nowMs + delayMs - this.#failingSinceMs > outageMs) throw error;
    this.#failures += 1;
    onWait?.(delayMs, error);
    await pause(delayMs, signal);
  }
}

/** Does something that is safe to repeat, again and again while what goes wrong may pass. */
export async function persist<T>(work: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const patience = new Patience(options);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      await patience.bear(error);
    }
  }
}

const isLimit = (error: unknown): boolean => error instanceof ProblemError && error.isLimit;

/** When to ask again after a failure, in ms; undefined when that would not help. */
function retryDelay(error: unknown, failures: number): number | undefined {
  const mayPass = error instanceof UnreachableError || (error instanceof ProblemError && error.isPassing);
  if (!mayPass) return undefined;
  const asked = error instanceof ProblemError ? error.problem.retryAfterMs : undefined;
  if (asked !== undefined) return Math.max(asked, LEAST_PAUSE_MS);
  return backoffMs(failures + 1, SERVER_BACKOFF);
}
