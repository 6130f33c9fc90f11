import type { JobState } from '../../shared/contract/states.js';
import type { Job } from '../../shared/jobs/job.js';
import { maySee } from '../admission/caller.js';
import type { Exchange } from '../http/exchange.js';
import { parseIdempotencyKey } from '../http/idempotency-key.js';
import { ProblemError } from '../http/problem.js';
import type { Route } from '../http/route.js';
import { jobPath, presentJob } from '../jobs/present-job.js';
import { retryAfterSeconds } from '../jobs/job-view.js';
import { resubmit } from '../jobs/submission.js';
import { submitJob } from '../jobs/submit-job.js';
import { json, problems } from '../openapi/operation.js';
import { missingRecord, parseRecordId } from '../jobs/record-id.js';

/** How a job has ended that may be run again. */
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
      'Makes a new job of the same model, input, request id, timeout and number of attempts, without a deadline in the ' +
      'queue. The old one stays as it is.',
    parameters: ['JobId', 'IdempotencyKey', 'RequestIdHeader', 'Traceparent'],
    answers: {
      202: json('Job', 'The new job; `replay_of` names the old one.', {
        headers: ['Location', 'Retry-After', 'Cache-Control'],
        optionalHeaders: ['Idempotency-Replayed'],
        links: {
          poll: { operationId: 'getJob', parameters: { id: '$response.body#/id' } },
          cancel: { operationId: 'cancelJob', parameters: { id: '$response.body#/id' } },
        },
      }),
      ...problems(
        'idempotency-key-malformed',
        'job-not-found',
        'model-not-found',
        'job-not-replayable',
        'job-gone',
        'validation-failed',
        'idempotency-key-reused',
        'too-many-waiting',
        'queue-full',
        'model-not-served',
        'redis-unavailable',
        'record-unreadable',
        'draining',
      ),
    },
  },
  async handle(x) {
    const idempotencyKey = parseIdempotencyKey(x.header('idempotency-key'));
    const job = await findReplayable(x, parseRecordId('job', x.param('id')));
    const submission = resubmit(x.ctx.models.current, job);
    const { view, isReplay } = await submitJob(x, submission, { waitSeconds: undefined, idempotencyKey });
    x.sendJson(202, presentJob(view), {
      Location: jobPath(view.job.id),
      'Retry-After': retryAfterSeconds(view),
      'Idempotency-Replayed': isReplay ? 'true' : undefined,
    });
  },
};

async function findReplayable(x: Exchange, id: string): Promise<Job> {
  x.jobId = id;
  const job = await x.ctx.withinDeadline('reading a job', () => x.ctx.jobs.find(id));
  if (!job || !maySee(x.caller, job)) throw missingRecord('job', id, x.ctx.config.jobs.resultTtlMs);
  if (REPLAYABLE.has(job.state)) return job;
  throw new ProblemError('job-not-replayable', `job ${id} is ${job.state}`);
}
