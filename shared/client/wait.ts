import { ProblemError, UnreachableError } from './errors.js';
import type { Answer } from './http.js';
import { type EndedJob, isEnded, type Job } from './job.js';
import { pause } from './pause.js';

/** How to follow a job. */
export interface WaitOptions {
  signal?: AbortSignal;
  /** Told of every answer that is not the last. */
  onUpdate?: (job: Job) => void;
  /** How long the server is asked to hold an answer. Stays below what proxies cut off. @default 25 */
  longPollSeconds?: number;
  /** How long the server may be away, or answer that it cannot now, before that is an error, in ms. @default 60_000 */
  outageMs?: number;
}

/** Asks for the job once, the answer held for `waitSeconds`. */
export type Poll = (call: { waitSeconds: number; signal?: AbortSignal }) => Promise<Answer<Job>>;

const POLL_MS = 1_000;
/** Whatever the server says: a Retry-After of 0 must not become a busy loop. */
const LEAST_PAUSE_MS = 100;
const FIRST_RETRY_MS = 250;
const MOST_RETRY_MS = 5_000;

/** Polls until the job has ended; see {@link WaitOptions}. Throws what the last poll threw once it gives up. */
export async function waitForEnd(
  poll: Poll,
  { signal, onUpdate, longPollSeconds = 25, outageMs = 60_000 }: WaitOptions,
): Promise<EndedJob> {
  const call = { waitSeconds: longPollSeconds, ...(signal ? { signal } : {}) };
  for (let failures = 0, failingSinceMs = 0; ; ) {
    const askedMs = Date.now();
    try {
      const { body: job, retryAfterMs } = await poll(call);
      if (isEnded(job)) return job;
      failures = 0;
      onUpdate?.(job);
      // An answer that came early was not held: the server, or something before it, does not do long polls.
      const wasHeld = Date.now() - askedMs >= longPollSeconds * 500;
      if (!wasHeld) await pause(Math.max(retryAfterMs ?? POLL_MS, LEAST_PAUSE_MS), signal);
    } catch (error) {
      if (failures === 0) failingSinceMs = Date.now();
      const delayMs = retryDelay(error, failures);
      if (delayMs === undefined || Date.now() + delayMs - failingSinceMs > outageMs) throw error;
      failures += 1;
      await pause(delayMs, signal);
    }
  }
}

/** When to ask again after a failure, in ms; undefined when that would not help. */
function retryDelay(error: unknown, failures: number): number | undefined {
  const mayPass = error instanceof UnreachableError || (error instanceof ProblemError && error.isPassing);
  if (!mayPass) return undefined;
  const asked = error instanceof ProblemError ? error.problem.retryAfterMs : undefined;
  if (asked !== undefined) return Math.max(asked, LEAST_PAUSE_MS);
  return Math.min(FIRST_RETRY_MS * 2 ** failures, MOST_RETRY_MS) * (1 - Math.random() / 2);
}
