import type { Answer, ApiRequest } from './http.js';
import type { JobBody } from '../contract/job.js';
import { pause } from '../process/pause.js';
import { LEAST_PAUSE_MS, Patience, type RetryOptions } from './retry.js';

/** Options of following a job or a batch. */
export interface WaitOptions<T = JobBody> extends RetryOptions {
  /** Is called with every answer but the last. */
  onUpdate?: ((seen: T) => void) | undefined;
  /** Time for which the server is asked to hold an answer: shorter than the limits of common proxies. @default 25 */
  longPollSeconds?: number | undefined;
}

const POLL_MS = 1_000;

/** Calls `poll` until the end; see {@link WaitOptions}. Throws the error of the last poll when it gives up. */
export async function waitForEnd<T, Ended extends T>(
  poll: (call: Pick<ApiRequest, 'waitSeconds' | 'signal'>) => Promise<Answer<T>>,
  isEnded: (seen: T) => seen is Ended,
  options: WaitOptions<T>,
): Promise<Ended> {
  const { signal, onUpdate, longPollSeconds = 25 } = options;
  const patience = new Patience(options);
  const call = { waitSeconds: longPollSeconds, signal };
  for (;;) {
    const askedMs = Date.now();
    try {
      const { body, retryAfterMs } = await poll(call);
      if (isEnded(body)) return body;
      patience.restore();
      onUpdate?.(body);
      // An answer that came early was not held: the server, or a proxy before it, does not support long polls.
      const wasHeld = Date.now() - askedMs >= longPollSeconds * 500;
      if (!wasHeld) await pause(Math.max(retryAfterMs ?? POLL_MS, LEAST_PAUSE_MS), signal);
    } catch (error) {
      await patience.bear(error);
    }
  }
}
