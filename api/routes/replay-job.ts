import type { JobState } from '../../shared/contract/states.js';
import { parseIdempotencyKey } from '../http/idempotency-key.js';
import { ProblemError } from '../http/problem.js';
import type { Route } from './route.js';
import { jobPath, jobJson } from '../jobs/present-job.js';
import { retryAfterSeconds } from '../jobs/completion-rates.js';
import { readInput, readJob } from '../jobs/job-view.js';
import { resubmit } from '../jobs/submission.js';
import { submitJob } from '../jobs/submit-job.js';
import { INTAKE_PROBLEMS, json, problems } from '../openapi/operation.js';
import { recordIdOf } from '../jobs/record-id.js';

/** Final states of a job that may be run again. */
const REPLAYABLE: ReadonlySet<JobState> = new Set(['failed', 'expired', 'canceled']);

/** `POST /jobs/{id}/replay`: runs a job again, as a new one. */
export const replayJobRoute: Route = {
  method: 'post',
  path: '/jobs/{id}/replay',
  operation: {
    id: 'replayJob',
    tag: 'jobs',
    summary: 'Run a failed, expired or canceled job again',
    description:
      'Makes a new job of the same model, input, request id, lane, timeout and number of attempts, without a delay or a ' +
      'deadline in the queue. The old one stays as it is.',
    parameters: ['JobId', 'IdempotencyKey', 'RequestIdHeader', 'Traceparent'],
    answers: {
      202: json('Job', 'The new job; `replay_of` names the old one.', {
        headers: ['Location', 'Retry-After'],
        optionalHeaders: ['Idempotency-Replayed'],
        links: {
          poll: { operationId: 'getJob', parameters: { id: '$response.body#/id' } },
          cancel: { operationId: 'cancelJob', parameters: { id: '$response.body#/id' } },
        },
      }),
      ...problems(
        'idempotency-key-malformed',
        'job-not-found',
        'lane-not-allowed',
        'model-not-found',
        'job-not-replayable',
        'input-gone',
        'job-gone',
        'validation-failed',
        'idempotency-key-reused',
        'record-unreadable',
        ...INTAKE_PROBLEMS,
      ),
    },
  },
  async handle(exchange, ctx) {
    const idempotencyKey = parseIdempotencyKey(exchange.header('idempotency-key'));
    const { job } = await readJob(exchange, ctx, recordIdOf(exchange, 'job'));
    if (!REPLAYABLE.has(job.state)) {
      throw new ProblemError('job-not-replayable', `job ${job.id} is ${job.state}`);
    }
    const submission = resubmit(ctx.models.current, job, await readInput(ctx, job));
    const { view, isReplay } = await submitJob(exchange, ctx, submission, { idempotencyKey });
    exchange.sendJsonText(202, jobJson(view), {
      Location: jobPath(view.job.id),
      'Retry-After': retryAfterSeconds(view.place?.etaMs),
      'Idempotency-Replayed': isReplay ? 'true' : undefined,
    });
  },
};
