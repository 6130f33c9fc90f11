import { isEnded, type Job } from '../../shared/jobs/job.js';
import type { ApiContext } from '../context.js';
import { maySee } from '../http/caller.js';
import type { Exchange } from '../http/exchange.js';
import { etaMsOf } from './completion-rates.js';
import { missingRecord } from './record-id.js';

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

export const hasJobEnded = ({ job }: JobView): boolean => isEnded(job.state);

/** The place of a job behind `waitingBefore` others. */
export function placeOf(waitingBefore: number, completionsPerSecond: number): QueuePlace {
  const position = waitingBefore + 1;
  return { position, etaMs: etaMsOf(position, completionsPerSecond) };
}

/** Adds the place of a queued job. A job that was taken meanwhile has none. */
export async function viewJob({ jobs, rates }: ApiContext, job: Job): Promise<JobView> {
  if (job.state !== 'queued') return { job };
  const [waitingBefore, rate] = await Promise.all([jobs.position(job.queue, job.id), rates.of(job.queue)]);
  return waitingBefore === undefined ? { job } : { job, place: placeOf(waitingBefore, rate) };
}

/** The job that the caller may see. Throws a 404 or 410 problem when there is none. */
export async function readJob(exchange: Exchange, ctx: ApiContext, id: string): Promise<JobView> {
  const view = await ctx.withinDeadline('reading a job', () => findJob(ctx, id));
  if (view && maySee(exchange.caller, view.job)) return view;
  throw missingRecord('job', id, ctx.config.jobs.resultTtlMs);
}

/**
 * Reads anybody's job: one round trip, and one more while it is queued, for its place. (One script for both was measured to
 * cost Redis 2.7 times the two plain commands' reading of the hash, on every poll.) Undefined when there is none.
 */
export async function findJob(ctx: ApiContext, id: string): Promise<JobView | undefined> {
  const job = await ctx.jobs.find(id);
  if (!job) return undefined;
  const view = await viewJob(ctx, job);
  if (job.state !== 'queued' || view.place) return view;
  // A worker took the job between the two reads. It runs now and needs no place, or it waits again and has one.
  const again = await ctx.jobs.find(id);
  return again && viewJob(ctx, again);
}

/** An entity tag that changes with every member of a {@link JobView} but the estimate of time. */
export function etagOf({ job, place }: JobView): string {
  const moment = isEnded(job.state) && 'finishedMs' in job ? job.finishedMs : (place?.position ?? '');
  return `W/"${job.state}-${job.attempts}-${moment}"`;
}
