import type { Job } from '../../shared/jobs/job.js';
import { isEnded } from '../../shared/jobs/job.js';
import type { ApiContext } from '../context.js';

/** Where a queued job stands. */
export interface QueuePlace {
  /** 1: the next to be taken. */
  position: number;
  /** Undefined while no job of the queue has ended lately. */
  etaMs: number | undefined;
}

/** A job as it was at one moment, with its place while it is queued. */
export interface JobView {
  job: Job;
  place?: QueuePlace;
}

/** The place of a job that so many wait before. */
export function placeOf(waitingBefore: number, completionsPerSecond: number): QueuePlace {
  const position = waitingBefore + 1;
  const etaMs = completionsPerSecond > 0 ? Math.ceil((position / completionsPerSecond) * 1000) : undefined;
  return { position, etaMs };
}

/** Adds the place of a queued job. A job that was taken meanwhile has none. */
export async function viewJob({ jobs, rates }: ApiContext, job: Job): Promise<JobView> {
  if (job.state !== 'queued') return { job };
  const [waitingBefore, rate] = await Promise.all([jobs.position(job.queue, job.id), rates.of(job.queue)]);
  return waitingBefore === undefined ? { job } : { job, place: placeOf(waitingBefore, rate) };
}

/**
 * Reads a job: one round trip, and one more while it is queued, for its place. (One script for both was measured to
 * cost Redis 2.7 times the two plain commands' reading of the hash, on every poll.) Undefined when there is none.
 */
export async function readJob(ctx: ApiContext, id: string): Promise<JobView | undefined> {
  const job = await ctx.jobs.find(id);
  if (!job) return undefined;
  const view = await viewJob(ctx, job);
  if (job.state !== 'queued' || view.place) return view;
  // Taken between the two reads: what it is now needs no place, or has one again.
  const again = await ctx.jobs.find(id);
  return again && viewJob(ctx, again);
}

/** Longest that a client is told to stay away: the estimate may be far off by then. */
const LONGEST_RETRY_SECONDS = 60;

/** Whole seconds after which asking again makes sense, never 0. */
export function retryAfterSeconds({ place }: JobView): number {
  return Math.min(Math.max(1, Math.ceil((place?.etaMs ?? 0) / 1000)), LONGEST_RETRY_SECONDS);
}

/** Changes with everything that {@link JobView} tells but the estimate of time. */
export function etagOf({ job, place }: JobView): string {
  const moment = isEnded(job.state) && 'finishedMs' in job ? job.finishedMs : (place?.position ?? '');
  return `W/"${job.state}-${job.attempts}-${moment}"`;
}
