import type { Logger } from '../../shared/log/logger.js';
import type { ProcessGroup } from './process-group.js';

interface DrainLimit {
  group: ProcessGroup;
  /** After which API and worker processes give up what is unfinished, in ms. */
  graceMs: number;
  /** Aborted when somebody will not wait. */
  killing: AbortSignal;
  log: Logger;
}

/** Time beyond `graceMs` for a process to close its connections and to notice that its time is over, in ms. */
const MARGIN_MS = 5_000;

/** Kills the group, and makes the exit code 1, past the deadline or on demand. Returns what lifts the limit. */
export function limitDrain({ group, graceMs, killing, log }: DrainLimit): () => void {
  const kill = (reason: string): void => {
    log.warn('killing what still runs', { reason });
    process.exitCode = 1;
    group.signal('SIGKILL');
  };
  const onDemand = (): void => kill(`a second ${String(killing.reason)}`);
  const late = setTimeout(() => kill('the time to finish is over'), graceMs + MARGIN_MS);
  if (killing.aborted) onDemand();
  killing.addEventListener('abort', onDemand, { once: true });
  return () => {
    clearTimeout(late);
    killing.removeEventListener('abort', onDemand);
  };
}
