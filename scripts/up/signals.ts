import { closeSync, openSync } from 'node:fs';

/** npm passes on what the terminal, or `timeout`, has already told the whole group: two within this time are one. */
const SAME_MS = 300;

/** Requests of people and supervisors to the launcher. */
export interface Requests {
  /** Aborted by the first SIGINT or SIGTERM, or when the terminal is closed. Its reason is the signal. */
  stopping: AbortSignal;
  /** Aborted by the second. */
  killing: AbortSignal;
}

/** Listens for signals until `ignore` is called. `onReload` hears of SIGHUP. */
export function listenForSignals(onReload: () => void): Requests & { ignore: () => void } {
  const stopping = new AbortController();
  const killing = new AbortController();
  const hasTerminal = canOpenTerminal();
  let last = { signal: '', atMs: 0 };
  const onStop = (signal: NodeJS.Signals): void => {
    const now = Date.now();
    const isSame = signal === last.signal && now - last.atMs < SAME_MS;
    last = { signal, atMs: now };
    if (isSame) return;
    if (stopping.signal.aborted) killing.abort(signal);
    else stopping.abort(signal);
  };
  const onHangUp = (): void => {
    if (hasTerminal && !canOpenTerminal()) onStop('SIGHUP');
    else onReload();
  };
  process.on('SIGINT', onStop).on('SIGTERM', onStop).on('SIGHUP', onHangUp);
  return {
    stopping: stopping.signal,
    killing: killing.signal,
    ignore: () => void process.off('SIGINT', onStop).off('SIGTERM', onStop).off('SIGHUP', onHangUp),
  };
}

/** Whether this process belongs to a terminal that is still there: closing its window sends SIGHUP too. */
function canOpenTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r+'));
    return true;
  } catch {
    return false;
  }
}
