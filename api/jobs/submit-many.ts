import { AppError } from '../../shared/errors.js';
import { isEnded } from '../../shared/jobs/job.js';
import type { Idempotency, NewJob } from '../../shared/jobs/new-job.js';
import { endJob } from '../../shared/jobs/record.js';
import { noRoomProblem } from '../admission/no-room.js';
import type { ApiContext } from '../context.js';
import type { ApiPartition } from '../partitions.js';
import type { Exchange } from '../http/exchange.js';
import { ProblemError } from '../http/problem.js';
import { PROBLEM_TYPES, type ProblemCode } from '../http/problem-types.js';
import type { ManyWaiter } from '../waiting/many-waiter.js';
import { requireShareOfWaits } from '../waiting/wait-for-end.js';
import { type JobView, viewJobs } from './job-view.js';
import { missingRecord, newRecordId } from './record-id.js';
import { noneAccepted, type Submission } from './submission.js';
import { keyReused, newJob, noteAccepted } from './submit-job.js';

/** What became of each entry of a request for many jobs, in their order. */
export interface SubmittedMany {
  entries: readonly (JobView | ProblemError)[];
  /** Whether an earlier request with the same Idempotency-Key had created the jobs. */
  isReplay: boolean;
  /** Whether all jobs ended while the request waited for them. */
  hasEnded: boolean;
  /** Whether the wish to wait was honoured. */
  hasWaited: boolean;
}

/** The entries of a request: the jobs to be made, and the problems of those that are none. */
interface Asked {
  entries: readonly (NewJob | ProblemError)[];
  jobs: readonly NewJob[];
}

/** Jobs by id as they are known, and for each entry the id of its job or its problem. */
interface Accepted {
  views: Map<string, JobView>;
  entries: readonly (string | ProblemError)[];
  isReplay: boolean;
}

/**
 * Accepts the jobs of one request, all that have no problem of their own or none, and waits for their ends where `waitSeconds`
 * is given. Throws a problem where no entry is without one, a queue has no room for all, or the key belongs to another
 * request; and RedisUnavailableError, after which the jobs may exist.
 */
export async function submitMany(
  exchange: Exchange,
  ctx: ApiContext,
  submissions: readonly (Submission | ProblemError)[],
  {
    waitSeconds,
    idempotency,
  }: { waitSeconds: number | undefined; idempotency: Omit<Idempotency, 'caller'> | undefined },
): Promise<SubmittedMany> {
  exchange.refuseWhileDraining();
  requireShareOfWaits(exchange, ctx.waiters, waitSeconds);
  const { owner } = exchange.caller;
  const key = idempotency && { ...idempotency, caller: owner };
  const partition = ctx.partitions.forNew(key);
  const asked = ask(exchange, ctx, partition, submissions);
  const waiter =
    waitSeconds === undefined || waitSeconds === 0
      ? undefined
      : ctx.waiters.registerMany(
          asked.jobs.map(({ id }) => id),
          owner,
        );
  try {
    if (waiter) exchange.response.once('close', () => waiter.end());
    const accepted = await ctx.withinDeadline('accepting jobs', () =>
      accept(ctx, partition, asked, { owner, key }),
    );
    const { views, entries, isReplay } = accepted;
    exchange.about['jobs'] = String(views.size);
    for (const { job } of views.values()) noteAccepted(exchange, ctx, job, isReplay);
    if (waiter) {
      waiter.follow(unended(views));
      const untilMs = exchange.startedMs + (waitSeconds ?? 0) * 1000;
      await waitForAll(ctx, partition, { waiter, views, untilMs });
    }
    const hasEnded = unended(views).length === 0;
    return {
      entries: entries.map((entry) => (typeof entry === 'string' ? (views.get(entry) as JobView) : entry)),
      isReplay,
      hasEnded: waitSeconds !== undefined && hasEnded,
      hasWaited: hasEnded || (waiter ? !waiter.isOver : waitSeconds === 0),
    };
  } finally {
    waiter?.leave();
  }
}

const isProblem = (entry: unknown): entry is ProblemError => entry instanceof ProblemError;
const unended = (views: ReadonlyMap<string, JobView>): string[] =>
  [...views].flatMap(([id, { job }]) => (isEnded(job.state) ? [] : [id]));

function ask(
  exchange: Exchange,
  ctx: ApiContext,
  partition: ApiPartition,
  submissions: readonly (Submission | ProblemError)[],
): Asked {
  const entries = submissions.map((submission) => {
    if (isProblem(submission)) return submission;
    try {
      return newJob(exchange, ctx, submission, {
        id: newRecordId(partition.records),
        partition,
        idempotencyKey: undefined,
      });
    } catch (error) {
      if (isProblem(error)) return error;
      throw error;
    }
  });
  return { entries, jobs: entries.filter((entry): entry is NewJob => !isProblem(entry)) };
}

async function accept(
  ctx: ApiContext,
  partition: ApiPartition,
  asked: Asked,
  { owner, key }: { owner: string; key: Idempotency | undefined },
): Promise<Accepted> {
  const { entries, jobs } = await withoutUnserved(ctx, asked);
  if (jobs.length === 0 && key === undefined) throw noneAccepted(entries.filter(isProblem));
  const makes = entries.map((entry) => (isProblem(entry) ? entry.code : entry.id));
  const maxDepth = ctx.partitions.depth(ctx.config.jobs.maxQueueDepth);
  const created = await partition.intake.createAll(jobs, maxDepth, key && { ...key, makes });
  switch (created.kind) {
    case 'created':
      if (jobs.length === 0) throw noneAccepted(entries.filter(isProblem));
      return {
        views: byId(await viewJobs(ctx, created.jobs)),
        entries: entries.map((entry) => (isProblem(entry) ? entry : entry.id)),
        isReplay: false,
      };
    case 'replayed':
      return firstJobs(ctx, partition, created.made, entries);
    case 'mismatch':
      throw keyReused();
    case 'refused':
      throw noRoomProblem(created.why, { what: 'jobs', model: created.model, owner });
  }
}

/** Jobs of models that no worker can serve become problems. */
async function withoutUnserved(ctx: ApiContext, { entries, jobs }: Asked): Promise<Asked> {
  const problems = new Map<string, ProblemError>();
  for (const model of new Set(jobs.map((job) => job.model))) {
    const problem = await ctx.serving.problemOf(model);
    if (problem) problems.set(model, problem);
  }
  if (problems.size === 0) return { entries, jobs };
  return {
    entries: entries.map((entry) => (isProblem(entry) ? entry : (problems.get(entry.model) ?? entry))),
    jobs: jobs.filter(({ model }) => !problems.has(model)),
  };
}

/** What the first request of a key made: its jobs as they are now, and the problems that it found. */
async function firstJobs(
  ctx: ApiContext,
  { jobs }: ApiPartition,
  made: readonly string[],
  entries: readonly (NewJob | ProblemError)[],
): Promise<Accepted> {
  const codes = new Set<string>(Object.keys(PROBLEM_TYPES));
  const isCode = (word: string): word is ProblemCode => codes.has(word);
  const found = await jobs.findAll(made.filter((word) => !isCode(word)));
  const views = byId(await viewJobs(ctx, found));
  return {
    views,
    entries: made.map((word, index) => {
      if (!isCode(word)) {
        return views.has(word) ? word : missingRecord('job', word, ctx.config.jobs.resultTtlMs);
      }
      const entry = entries[index];
      if (isProblem(entry) && entry.code === word) return entry;
      return new ProblemError(word, 'the first request of this Idempotency-Key found this');
    }),
    isReplay: true,
  };
}

const byId = (views: readonly JobView[]): Map<string, JobView> =>
  new Map(views.map((view) => [view.job.id, view]));

/**
 * Waits until all jobs have ended, and puts them into `views` as they are then. In case a message was lost, the first of those
 * that are not known to have ended is read once a second, and all of them where it has.
 */
async function waitForAll(
  ctx: ApiContext,
  { jobs }: ApiPartition,
  { waiter, views, untilMs }: { waiter: ManyWaiter; views: Map<string, JobView>; untilMs: number },
): Promise<void> {
  const read = async (ids: readonly string[]): Promise<void> => {
    if (ids.length === 0) return;
    const found = await ctx
      .withinDeadline('reading jobs', async () => viewJobs(ctx, await jobs.findAll(ids)))
      .catch((error: unknown) => {
        // The jobs are accepted: the client is told so, even when they cannot be read again.
        if (error instanceof AppError) return [];
        throw error;
      });
    for (const view of found) views.set(view.job.id, view);
  };
  while (waiter.waiting.size > 0 && !waiter.isOver) {
    const remainingMs = untilMs - performance.now();
    if (remainingMs <= 0) break;
    await waiter.sleep(Math.min(remainingMs, ctx.limits.rereadMs));
    const [first] = waiter.waiting;
    if (first === undefined || waiter.isOver) break;
    await read([first]);
    if (!isEnded((views.get(first) as JobView).job.state)) continue;
    await read([...waiter.waiting]);
    waiter.follow(unended(views));
  }
  const unread = waiter.isOver ? [] : [...waiter.waiting];
  for (const [id, outcome] of waiter.told) {
    const view = views.get(id);
    if (outcome === undefined) unread.push(id);
    else if (view && !isEnded(view.job.state)) views.set(id, { job: endJob(view.job, outcome) });
  }
  await read(unread);
}
