import { AppError } from '../../shared/errors.js';
import type { ApiContext } from '../context.js';
import type { Exchange } from '../http/exchange.js';
import { ProblemError } from '../http/problem.js';
import type { Waiter, Waiters } from './waiters.js';

/** A record as it was read last. */
export interface Waited<T> {
  view: T;
  /** Whether the wait is as the client wanted it: the record has ended, or the whole time has passed. */
  honoured: boolean;
}

/** The record of a job or a batch whose end is waited for. */
export interface Ending<T> {
  id: string;
  /** Undefined when the client does not want to wait. */
  waitSeconds: number | undefined;
  /**
   * Creates the record. Once it is created the client is told so, even when it cannot be read again. Undefined for a
   * record that is there already.
   */
  create?: (waiter: Waiter | undefined) => Promise<T>;
  read: (id: string) => Promise<T>;
  /** The record at its end, made of the outcome that this process was told; undefined where it has to be read. */
  ended?: (before: T, outcome: string) => T;
  hasEnded: (view: T) => boolean;
}

/**
 * Creates or reads a record, and reads it again until it has ended or `waitSeconds` from the start of the request are
 * over. The waiter is registered before the first read, so that the announcement of the end cannot be missed. Without
 * room for a waiter the first view is returned at once.
 */
export async function waitForEnd<T>(
  exchange: Exchange,
  { waiters, limits }: ApiContext,
  { id, waitSeconds = 0, create, read, ended, hasEnded }: Ending<T>,
): Promise<Waited<T>> {
  const waiter = waitSeconds > 0 ? waiters.register(id, exchange.caller.owner) : undefined;
  try {
    if (waiter) exchange.response.once('close', () => waiter.end());
    let view: T = await (create ? create(waiter) : read(id));
    if (!waiter) return { view, honoured: waitSeconds === 0 || hasEnded(view) };
    const untilMs = exchange.startedMs + waitSeconds * 1000;
    while (!hasEnded(view) && !waiter.isOver) {
      const remainingMs = untilMs - performance.now();
      if (remainingMs <= 0) break;
      await waiter.sleep(Math.min(remainingMs, limits.rereadMs));
      try {
        view = ended && waiter.outcome ? ended(view, waiter.outcome) : await read(waiter.id);
      } catch (error) {
        if (create && error instanceof AppError) return { view, honoured: false };
        throw error;
      }
    }
    return { view, honoured: !waiter.isOver || hasEnded(view) };
  } finally {
    waiter?.leave();
  }
}

const RETRY_SECONDS = 5;

/** Throws a 429 problem when the client wants to wait and its caller waits for as much as it may beside others. */
export function requireShareOfWaits(
  { caller: { owner } }: Exchange,
  waiters: Waiters,
  waitSeconds: number | undefined,
): void {
  if (waitSeconds === undefined || waitSeconds === 0 || !waiters.isShareFull(owner)) return;
  throw new ProblemError(
    'too-many-waiting',
    `${owner} has as many requests waiting as this process has room left for all: leave out Prefer: wait, and poll`,
    { retryAfterSeconds: RETRY_SECONDS },
  );
}
