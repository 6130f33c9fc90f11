import { AppError, messageOf } from '../errors.js';
import { systemProblem } from '../system-error.js';
import { ReleaseStack } from './release-stack.js';

/** Options of a process. */
export interface RunOptions {
  log: Record<'info' | 'error', (message: string, fields?: Record<string, unknown>) => void>;
  /** Time from the first signal to the forced end of the process, in ms. */
  deadlineMs: number;
}

/** What still runs when everything is closed is left after this time, in ms. */
const LEFTOVERS_MS = 500;

/**
 * Runs `start`, waits for SIGTERM, SIGINT or the loss of the parent process, closes what was opened and lets the
 * process end with code 0. A second signal, or `deadlineMs` after the first, ends it at once with code 1. A process
 * with a parent that manages it leaves Ctrl-C and second signals to that parent.
 * `start` gets an AbortSignal for its waits, and resolves to a function that gives the fields of the last log line. When it
 * fails, everything that it opened is closed, the error is logged, and the code is 1.
 */
export async function runUntilStopped(
  { log, deadlineMs }: RunOptions,
  start: (release: ReleaseStack, stopping: AbortSignal) => Promise<() => Record<string, unknown>>,
): Promise<void> {
  const release = new ReleaseStack();
  const stopped = stopRequested();
  let ending: (() => Record<string, unknown>) | undefined = () => ({});
  try {
    ending = await start(release, stopped.signal);
    log.info('stopping', { reason: await stopped.reason });
  } catch (error) {
    if (stopped.signal.aborted) log.info('stopping', { reason: String(stopped.signal.reason) });
    else {
      const isFault = error instanceof Error && !(error instanceof AppError);
      log.error('cannot start', {
        error: systemProblem(error) ?? (isFault ? error.stack : messageOf(error)),
      });
      process.exitCode = 1;
      ending = undefined;
    }
  }
  const forced = setTimeout(() => {
    log.error('not stopped in time, leaving', ending?.());
    process.exit(1);
  }, deadlineMs);
  forced.unref();
  await release.run(log);
  if (ending) log.info('stopped', ending());
  clearTimeout(forced);
  // A name that is still being looked up keeps a process alive that has nothing left to do.
  setTimeout(() => process.exit(), LEFTOVERS_MS).unref();
  stopped.ignore();
  if (!process.connected) return;
  // A cluster's process that is disconnected ends with code 0, whatever its exit code.
  if (process.exitCode) process.prependOnceListener('disconnect', () => process.exit());
  process.disconnect();
}

/** Resolves with the first reason to stop; a second signal ends the process. */
function stopRequested(): { signal: AbortSignal; reason: Promise<string>; ignore: () => void } {
  const stopping = new AbortController();
  const reason = new Promise<string>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(String(stopping.signal.reason)), { once: true });
  });
  const stop = (why: string): void => stopping.abort(why);
  const isManaged = process.connected;
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    signals += 1;
    if (signals > 1 && !isManaged) process.exit(1);
    stop(signal);
  };
  const onDisconnect = (): void => stop('the parent process is gone');
  // Ctrl-C, and a service manager's SIGTERM, reach the whole group; the parent sends its own SIGTERM besides.
  const onInterrupt = isManaged ? () => undefined : onSignal;
  process.on('SIGTERM', onSignal).on('SIGINT', onInterrupt).once('disconnect', onDisconnect);
  return {
    signal: stopping.signal,
    reason,
    ignore() {
      process.off('SIGTERM', onSignal).off('SIGINT', onInterrupt).off('disconnect', onDisconnect);
    },
  };
}
