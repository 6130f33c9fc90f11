import type { JobOutcome } from '../../shared/jobs/job.js';
import type { Exchange } from '../http/exchange.js';
import { ProblemError } from '../http/problem.js';
import type { Waiter } from './waiters.js';

/** How a wait came out. */
export interface Awaited<T> {
  /** Undefined when there is no such record (any more). */
  view: T | undefined;
  /** Whether the client's wish was honoured: the end came, or the whole time passed. */
  honoured: boolean;
}

/** What is waited for. */
export interface Ending<T> {
  waitSeconds: number;
  read: () => Promise<T | undefined>;
  /** What the end is when this process was told of it, without reading. */
  ended?: (outcome: JobOutcome) => T;
  hasEnded: (view: T) => boolean;
}

const RETRY_SECONDS = 5;

/** Throws a 429 problem when the client wants to wait and its caller waits for as much as it may beside others. */
export function requireShareOfWaits(x: Exchange, waitSeconds: number | undefined): void {
  const { owner } = x.caller;
  if (waitSeconds === undefined || waitSeconds === 0 || !x.ctx.waiters.isShareFull(owner)) return;
  throw new ProblemError(
    'too-many-waiting',
    `${owner} has as many requests waiting as this process has room left for all: leave out Prefer: wait, and poll`,
    { retryAfterSeconds: RETRY_SECONDS },
  );
}

/**
 * Lines up for the end of a job or batch, before it is created or read for the first time. Undefined when the client
 * wants no waiting or there is no room for it. Whoever gets one has to leave.
 */
export function standBy(x: Exchange, id: string, waitSeconds: number | undefined): Waiter | undefined {
  if (waitSeconds === undefined || waitSeconds === 0) return undefined;
  const waiter = x.ctx.waiters.register(id, x.caller.owner);
  if (waiter) x.response.once('close', () => waiter.end());
  return waiter;
}

/** Reads a record, and goes on doing so until it has ended or `waitSeconds` from the start of the request are over. */
export async function pollUntilEnd<T>(
  x: Exchange,
  id: string,
  ending: Omit<Ending<T>, 'waitSeconds'> & { waitSeconds: number | undefined },
): Promise<Awaited<T>> {
  const { waitSeconds, read, hasEnded } = ending;
  const waiter = standBy(x, id, waitSeconds);
  try {
    const view = await read();
    if (waiter && view !== undefined) {
      return await awaitEnd(x, waiter, view, { ...ending, waitSeconds: waitSeconds ?? 0 });
    }
    return { view, honoured: waitSeconds === 0 || (view !== undefined && hasEnded(view)) };
  } finally {
    waiter?.leave();
  }
}

/** Waits for the end of a record that was in the state of `first` after the waiter lined up. */
export async function awaitEnd<T>(
  x: Exchange,
  waiter: Waiter,
  first: T,
  { waitSeconds, read, ended, hasEnded }: Ending<T>,
): Promise<Awaited<T>> {
  const untilMs = x.startedMs + waitSeconds * 1000;
  let view: T | undefined = first;
  while (view !== undefined && !hasEnded(view) && !waiter.isOver) {
    const remainingMs = untilMs - performance.now();
    if (remainingMs <= 0) break;
    await waiter.sleep(Math.min(remainingMs, x.ctx.limits.rereadMs));
    view = ended && waiter.outcome ? ended(waiter.outcome) : await read();
  }
  return { view, honoured: !waiter.isOver || (view !== undefined && hasEnded(view)) };
}
