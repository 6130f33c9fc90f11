import type { NewJob } from '../../shared/jobs/job-store.js';
import type { Job } from '../../shared/jobs/job.js';
import type { Caller } from '../admission/caller.js';
import type { ApiContext } from '../context.js';
import { ProblemError } from '../http/problem.js';
import { noRoomProblem } from '../admission/no-room.js';
import { type JobView, placeOf, readJob } from './job-view.js';
import type { Submission } from './submission.js';

/** A submission, who sent it and what came with it. */
export interface JobRequest {
  /** Of the job, should it be created: a new UUIDv7. */
  id: string;
  submission: Submission;
  caller: Caller;
  idempotencyKey: string | undefined;
  traceparent: string | undefined;
  /** Whether this process waits for its end. */
  isAwaited: boolean;
}

/** A job that is safely in Redis and in its queue. `isReplay`: an earlier request had made it. */
export interface AcceptedJob {
  view: JobView;
  isReplay: boolean;
}

/**
 * Writes the record and the first delivery. Throws a problem where the queue has no room or the key belongs to another
 * request, and RedisUnavailableError, after which the job may exist.
 */
export async function acceptJob(ctx: ApiContext, request: JobRequest): Promise<AcceptedJob> {
  const job = newJob(ctx, request);
  return ctx.withinDeadline('accepting a job', async () => {
    const rate = ctx.rates.of(job.queue);
    const notServed = await ctx.serving.problemOf(job.model);
    // Without room nothing is accepted, and what an Idempotency-Key has made is still found.
    const created = await ctx.jobs.create(job, notServed ? 0 : ctx.config.jobs.maxQueueDepth);
    switch (created.kind) {
      case 'created': {
        const place = placeOf(created.waitingBefore, await rate);
        return { view: { job: asQueued(job, request, created.createdMs), place }, isReplay: false };
      }
      case 'replayed':
        return { view: await firstJob(ctx, created.jobId), isReplay: true };
      case 'mismatch':
        throw new ProblemError(
          'idempotency-key-reused',
          'the Idempotency-Key came before with another request: use a new one for this',
        );
      case 'full':
      case 'share':
        throw notServed ?? noRoomProblem(created, { what: 'jobs', model: job.model, owner: job.owner });
    }
  });
}

function newJob({ config, replyTo }: ApiContext, request: JobRequest): NewJob {
  const { submission, idempotencyKey, traceparent } = request;
  return {
    id: request.id,
    model: submission.model.manifest.name,
    queue: submission.model.queue,
    owner: submission.replayOf?.owner ?? request.caller.owner,
    inputJson: JSON.stringify(submission.input),
    timeoutMs: submission.timeoutMs,
    maxAttempts: submission.maxAttempts,
    resultTtlMs: config.jobs.resultTtlMs,
    ...(submission.requestId === undefined ? {} : { requestId: submission.requestId }),
    ...(submission.expiresInMs === undefined
      ? {}
      : { expiresInMs: Math.min(submission.expiresInMs, config.jobs.queueTtlMs) }),
    ...(submission.replayOf === undefined ? {} : { replayOf: submission.replayOf.id }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(request.isAwaited ? { replyTo } : {}),
    ...(idempotencyKey === undefined
      ? {}
      : {
          idempotency: {
            caller: request.caller.owner,
            key: idempotencyKey,
            fingerprint: submission.fingerprint(),
          },
        }),
  };
}

/** What the record says right after its creation; reading it back would cost another round trip. */
function asQueued(job: NewJob, { submission }: JobRequest, createdMs: number): Job {
  return {
    state: 'queued',
    id: job.id,
    model: job.model,
    queue: job.queue,
    owner: job.owner,
    input: submission.input,
    timeoutMs: job.timeoutMs,
    maxAttempts: job.maxAttempts,
    attempts: 0,
    createdMs,
    ...(job.requestId === undefined ? {} : { requestId: job.requestId }),
    ...(job.replayOf === undefined ? {} : { replayOf: job.replayOf }),
    ...(job.expiresInMs === undefined ? {} : { queueDeadlineMs: createdMs + job.expiresInMs }),
  };
}

async function firstJob(ctx: ApiContext, id: string): Promise<JobView> {
  const view = await readJob(ctx, id);
  if (view) return view;
  throw new ProblemError('redis-unavailable', 'the first job of this key expired at this moment: repeat', {
    retryAfterSeconds: 1,
  });
}
