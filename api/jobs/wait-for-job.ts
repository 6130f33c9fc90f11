import { isEnded } from '../../shared/jobs/job.js';
import type { Exchange } from '../http/exchange.js';
import type { Waiter } from '../waiters.js';
import { type JobView, readJob } from './job-view.js';

/** How a wait came out. */
export interface Waited {
  /** Undefined when there is no such job (any more). */
  view: JobView | undefined;
  /** Whether the client's wish was honoured: the job ended, or the whole time passed. */
  honoured: boolean;
}

/** An announcement of a job's end may get lost with a connection; the record is read again after so long, in ms. */
const REREAD_MS = 1_000;

/**
 * Lines up for the end of a job, before it is created or read for the first time. Undefined when the client wants no
 * waiting or there is no room for it. Whoever gets one has to leave.
 */
export function standBy(x: Exchange, jobId: string, waitSeconds: number | undefined): Waiter | undefined {
  if (waitSeconds === undefined || waitSeconds === 0) return undefined;
  const waiter = x.ctx.waiters.register(jobId);
  if (waiter) x.response.once('close', () => waiter.end());
  return waiter;
}

/** Reads a job, and goes on doing so until it has ended or `waitSeconds` from the start of the request are over. */
export async function pollJob(x: Exchange, id: string, waitSeconds: number | undefined): Promise<Waited> {
  const waiter = standBy(x, id, waitSeconds);
  try {
    const view = await read(x, id);
    if (waiter && view) return await waitForEnd(x, waiter, { view, waitSeconds: waitSeconds ?? 0 });
    return { view, honoured: waitSeconds === 0 || (view !== undefined && isEnded(view.job.state)) };
  } finally {
    waiter?.leave();
  }
}

/** Waits for the end of a job that was in the state of `view` after the waiter lined up. */
export async function waitForEnd(
  x: Exchange,
  waiter: Waiter,
  { view, waitSeconds }: { view: JobView; waitSeconds: number },
): Promise<Waited> {
  const untilMs = x.startedMs + waitSeconds * 1000;
  let latest: JobView | undefined = view;
  while (latest && !isEnded(latest.job.state) && !waiter.isOver) {
    const remainingMs = untilMs - performance.now();
    if (remainingMs <= 0) break;
    await waiter.sleep(Math.min(remainingMs, REREAD_MS));
    latest = await read(x, waiter.jobId);
  }
  return { view: latest, honoured: !waiter.isOver || (latest !== undefined && isEnded(latest.job.state)) };
}

const read = (x: Exchange, id: string): Promise<JobView | undefined> =>
  x.ctx.withinDeadline('reading a job', () => readJob(x.ctx, id));
