import { setMaxListeners } from 'node:events';
import { InterruptedError } from './batch-error.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** npm passes Ctrl-C on to a process that the terminal has already told: two within this time are one. */
const SAME_KEY_MS = 300;

/**
 * Does work that can be interrupted: the first signal aborts it with an {@link InterruptedError}, a second one ends
 * the process as it would have without this.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  // Every call under way listens to it.
  setMaxListeners(0, stop.signal);
  let interruptedMs = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (!stop.signal.aborted) {
      interruptedMs = Date.now();
      stop.abort(new InterruptedError(signal));
    } else if (Date.now() - interruptedMs > SAME_KEY_MS) {
      ignore();
      process.kill(process.pid, signal);
    }
  };
  const ignore = (): void => SIGNALS.forEach((signal) => process.off(signal, onSignal));
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    return await work(stop.signal);
  } finally {
    ignore();
  }
}
