import { isEnded, type Job } from '../../shared/jobs/job.js';
import { endJob } from '../../shared/jobs/record.js';
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
  /** Whether the position is estimated from that in one partition. */
  isEstimate: boolean;
}

/** A job as it was at one moment, with its place while it is queued. */
export interface JobView {
  job: Job;
  place?: QueuePlace;
}

export const hasJobEnded = ({ job }: JobView): boolean => isEnded(job.state);

/** Adds the place of a queued job; one that waits for its time has none. */
export async function viewJob({ rates, partitions }: ApiContext, job: Job): Promise<JobView> {
  return isPlaced(job) ? placed(job, await rates.of(job.queue), partitions.all.length) : { job };
}

/** The same of many jobs; the rate of each queue is asked for once. */
export async function viewJobs({ rates, partitions }: ApiContext, jobs: readonly Job[]): Promise<JobView[]> {
  const known = new Map<string, number>();
  for (const job of jobs) {
    if (isPlaced(job) && !known.has(job.queue)) known.set(job.queue, await rates.of(job.queue));
  }
  const count = partitions.all.length;
  return jobs.map((job) => (isPlaced(job) ? placed(job, known.get(job.queue) ?? 0, count) : { job }));
}

type Placed = Extract<Job, { state: 'queued' }> & { waitingBefore: number };
const isPlaced = (job: Job): job is Placed => job.state === 'queued' && job.waitingBefore !== undefined;

/** Of several partitions the place in one of them is known: the others are taken to be as long. */
function placed(job: Placed, completionsPerSecond: number, partitions: number): JobView {
  const position = partitions * job.waitingBefore + 1;
  const place = { position, etaMs: etaMsOf(position, completionsPerSecond), isEstimate: partitions > 1 };
  return { job, place };
}

/** The job that the caller may see. Throws a 404 or 410 problem when there is none. */
export const readJob = (exchange: Exchange, ctx: ApiContext, id: string): Promise<JobView> =>
  viewFor(exchange, ctx, id, () => ctx.partitions.of(id).jobs.find(id));

/**
 * The same for a poll: where the job has not ended, and its end will be told to this process, the answer is held for a moment,
 * which spares most clients a second poll.
 */
export async function pollJob(exchange: Exchange, ctx: ApiContext, id: string): Promise<JobView> {
  // Registered before the first read, so that no end in between is missed.
  const waiter = ctx.waiters.hold(id);
  if (!waiter) return readJob(exchange, ctx, id);
  try {
    const found = await ctx.withinDeadline('reading a job', () => ctx.partitions.of(id).jobs.look(id));
    if (found && 'state' in found) return { job: seen(exchange, ctx, id, found) };
    const open = seen(exchange, ctx, id, found);
    if (open.replyTo === ctx.replyTo) await waiter.sleep(ctx.limits.holdMs);
    if (waiter.outcome !== undefined) return { job: endJob(open, waiter.outcome) };
    return await viewFor(exchange, ctx, id, () => ctx.partitions.of(id).jobs.findOpen(id));
  } finally {
    waiter.leave();
  }
}

async function viewFor(
  exchange: Exchange,
  ctx: ApiContext,
  id: string,
  find: () => Promise<Job | undefined>,
): Promise<JobView> {
  const job = await ctx.withinDeadline('reading a job', find);
  return viewJob(ctx, seen(exchange, ctx, id, job));
}

/** The job, if the caller may see it. */
function seen<T extends { owner: string }>(
  exchange: Exchange,
  ctx: ApiContext,
  id: string,
  job: T | undefined,
): T {
  if (job && maySee(exchange.caller, job)) return job;
  throw missingRecord('job', id, ctx.config.jobs.resultTtlMs);
}

/** The input of a job in JSON; undefined once it has gone. */
export const readInput = (ctx: ApiContext, job: Job): Promise<string | undefined> =>
  ctx.withinDeadline('reading an input', () => ctx.partitions.of(job.id).jobs.inputOf(job));

/** Reads anybody's job. Undefined when there is none. */
export async function findJob(ctx: ApiContext, id: string): Promise<JobView | undefined> {
  const job = await ctx.partitions.of(id).jobs.find(id);
  return job && viewJob(ctx, job);
}

/** An entity tag that changes when the job is taken, given back or ends, and not with its place in the queue. */
export const etagOf = ({ job }: JobView): string =>
  `W/"${job.state}-${job.attempts}${'finishedMs' in job ? `-${job.finishedMs}` : ''}"`;
