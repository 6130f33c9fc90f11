import { constants } from 'node:os';

/** Ends of processes and folders that outlive this process, in the order in which they were opened. */
const open = new Set<() => Promise<void>>();

/** Returns `end` as a function that does it once. {@link endingAll} calls it where nobody has. */
export function toBeEnded(end: () => Promise<void>): () => Promise<void> {
  let ending: Promise<void> | undefined;
  const once = (): Promise<void> => {
    ending ??= end().finally(() => open.delete(once));
    return ending;
  };
  open.add(once);
  return once;
}

/** Ends everything that is open, the last first, also what is opened meanwhile. An end that fails keeps no other from it. */
async function endAll(): Promise<void> {
  for (let last = [...open].at(-1); last; last = [...open].at(-1)) await last().catch(() => undefined);
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * Does some work, and ends whatever it leaves open. A signal to end does so at once, and then ends this process with the
 * exit code of a shell for that signal.
 */
export async function endingAll(work: () => Promise<void>): Promise<void> {
  let leaving: Promise<never> | undefined;
  const leave = (signal: (typeof SIGNALS)[number]): void => {
    // Clients lose their servers now: their errors are no news, and must not end this process before its children.
    if (!leaving) process.on('uncaughtException', () => undefined);
    leaving ??= endAll().then(() => process.exit(128 + constants.signals[signal]));
  };
  for (const signal of SIGNALS) process.on(signal, leave);
  try {
    await work();
  } catch (error) {
    await leaving;
    throw error;
  } finally {
    await endAll();
    for (const signal of SIGNALS) process.off(signal, leave);
  }
}
