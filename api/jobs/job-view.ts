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

/** Adds the place of a queued job; one that waits for its time has none. */
export async function viewJob({ rates }: ApiContext, job: Job): Promise<JobView> {
  if (job.state !== 'queued' || job.waitingBefore === undefined) return { job };
  const position = job.waitingBefore + 1;
  return { job, place: { position, etaMs: etaMsOf(position, await rates.of(job.queue)) } };
}

/** The job that the caller may see. Throws a 404 or 410 problem when there is none. */
export async function readJob(exchange: Exchange, ctx: ApiContext, id: string): Promise<JobView> {
  const view = await ctx.withinDeadline('reading a job', () => findJob(ctx, id));
  if (view && maySee(exchange.caller, view.job)) return view;
  throw missingRecord('job', id, ctx.config.jobs.resultTtlMs);
}

/** Reads anybody's job. Undefined when there is none. */
export async function findJob(ctx: ApiContext, id: string): Promise<JobView | undefined> {
  const job = await ctx.jobs.find(id);
  return job && viewJob(ctx, job);
}

/** An entity tag that changes with every member of a {@link JobView} but the estimate of time. */
export function etagOf({ job, place }: JobView): string {
  const moment = isEnded(job.state) && 'finishedMs' in job ? job.finishedMs : (place?.position ?? '');
  return `W/"${job.state}-${job.attempts}-${moment}"`;
}
