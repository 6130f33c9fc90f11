import { isEnded, type Job } from '../../shared/jobs/job.js';
import { endJob } from '../../shared/jobs/record.js';
import type { NewJob } from '../../shared/jobs/new-job.js';
import { noRoomProblem } from '../admission/no-room.js';
import type { ApiContext } from '../context.js';
import type { ApiPartition } from '../partitions.js';
import type { Exchange } from '../http/exchange.js';
import { laneFor } from '../http/caller.js';
import { ProblemError } from '../http/problem.js';
import { requireShareOfWaits, waitForEnd } from '../waiting/wait-for-end.js';
import type { Waiter } from '../waiting/waiters.js';
import { findJob, hasJobEnded, type JobView, readJob, viewJob } from './job-view.js';
import { newRecordId } from './record-id.js';
import type { Submission } from './submission.js';

/** A job that was accepted, as it was when the waiting was over. */
export interface SubmittedJob {
  view: JobView;
  /** Whether an earlier request with the same Idempotency-Key had created the job. */
  isReplay: boolean;
  /** Whether the job ended while the request waited for it. */
  hasEnded: boolean;
  /** Whether the wish to wait was honoured. */
  hasWaited: boolean;
}

/**
 * Accepts a job and waits for its end where `waitSeconds` is given. Throws a problem where the queue has no room or the
 * key belongs to another request, and RedisUnavailableError, after which the job may exist.
 */
export async function submitJob(
  exchange: Exchange,
  ctx: ApiContext,
  submission: Submission,
  { waitSeconds, idempotencyKey }: { waitSeconds?: number | undefined; idempotencyKey?: string | undefined },
): Promise<SubmittedJob> {
  exchange.refuseWhileDraining();
  requireShareOfWaits(exchange, ctx.waiters, waitSeconds);
  const { owner } = exchange.caller;
  const partition = ctx.partitions.forNew(
    idempotencyKey === undefined ? undefined : { caller: owner, key: idempotencyKey },
  );
  const id = newRecordId(partition.records);
  let isReplay = false;
  const { view, honoured } = await waitForEnd<JobView>(exchange, ctx, {
    id,
    waitSeconds,
    async create(waiter) {
      const job = newJob(exchange, ctx, submission, { id, partition, idempotencyKey });
      const accepted = await acceptJob(ctx, partition, job, waiter);
      isReplay = accepted.isReplay;
      exchange.about['job_id'] = accepted.view.job.id;
      noteAccepted(exchange, ctx, accepted.view.job, isReplay);
      return accepted.view;
    },
    read: (jobId) => readJob(exchange, ctx, jobId),
    ended: ({ job }, outcome) => ({ job: endJob(job, outcome) }),
    hasEnded: hasJobEnded,
  });
  return {
    view,
    isReplay,
    hasEnded: waitSeconds !== undefined && isEnded(view.job.state),
    hasWaited: honoured,
  };
}

/** The job that a submission asks for. Throws a 403 problem for a lane that the caller may not use. */
export function newJob(
  exchange: Exchange,
  { config: { jobs }, replyTo }: ApiContext,
  submission: Submission,
  {
    id,
    partition: { records },
    idempotencyKey: key,
  }: { id: string; partition: ApiPartition; idempotencyKey: string | undefined },
): NewJob {
  const { model, input, requestId, timeoutMs, maxAttempts, expiresInMs, notBeforeMs, replayOf } = submission;
  const { owner, weight } = exchange.caller;
  return {
    id,
    model: model.manifest.name,
    owner: replayOf?.owner ?? owner,
    input,
    requestId,
    timeoutMs,
    maxAttempts,
    resultTtlMs: jobs.resultTtlMs,
    priority: laneFor(exchange.caller, submission.priority),
    weight,
    delayMs:
      notBeforeMs === undefined
        ? submission.delayMs
        : Math.max(0, Math.ceil(notBeforeMs - records.redis.nowMs())),
    expiresInMs,
    queueTtlMs: jobs.queueTtlMs,
    replayOf: replayOf?.id,
    replyTo,
    traceparent: exchange.traceparent(),
    idempotency:
      key === undefined ? undefined : { caller: owner, key, fingerprint: submission.fingerprint() },
  };
}

/** Writes the job. The waiter of a replay follows the job of the first request. */
async function acceptJob(
  ctx: ApiContext,
  partition: ApiPartition,
  job: NewJob,
  waiter: Waiter | undefined,
): Promise<{ view: JobView; isReplay: boolean }> {
  const { partitions, config } = ctx;
  const maxDepth = partitions.depth(config.jobs.maxQueueDepth);
  return ctx
    .withinDeadline('accepting a job', async () => {
      const notServed = await ctx.serving.problemOf(job.model);
      // Without room nothing is accepted, and a job of the same Idempotency-Key is found all the same.
      let created = await partition.intake.create(job, notServed ? 0 : maxDepth);
      if (
        created.kind === 'full' &&
        !notServed &&
        job.idempotency === undefined &&
        partitions.all.length > 1
      ) {
        // Another partition may have room.
        const other = partitions.another();
        const id = newRecordId(other.records);
        waiter?.follow(id);
        created = await other.intake.create({ ...job, id }, maxDepth);
      }
      switch (created.kind) {
        case 'created':
          return { view: await viewJob(ctx, created.job), isReplay: false };
        case 'replayed':
          waiter?.follow(created.jobId);
          return { view: await firstJob(ctx, created.jobId), isReplay: true };
        case 'mismatch':
          throw keyReused();
        case 'full':
        case 'share':
          throw notServed ?? noRoomProblem(created, { what: 'jobs', model: job.model, owner: job.owner });
      }
    })
    .catch((error: unknown) => {
      partitions.failed(partition, error);
      throw error;
    });
}

/** The problem of an Idempotency-Key that came with another request before. */
export const keyReused = (): ProblemError =>
  new ProblemError(
    'idempotency-key-reused',
    'the Idempotency-Key came before with another request: use a new one for this',
  );

async function firstJob(ctx: ApiContext, id: string): Promise<JobView> {
  const view = await findJob(ctx, id);
  if (view) return view;
  throw new ProblemError('redis-unavailable', 'the first job of this key expired at this moment: repeat', {
    retryAfterSeconds: 1,
  });
}

/** Says in the log that a job was accepted, now or before. */
export function noteAccepted(exchange: Exchange, { log }: ApiContext, job: Job, isReplay: boolean): void {
  log.debug(isReplay ? 'job accepted before' : 'job accepted', () => ({
    job_id: job.id,
    request_id: exchange.requestId,
    model: job.model,
    replay_of: job.replayOf,
  }));
}
