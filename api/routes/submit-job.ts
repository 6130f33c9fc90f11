import { ref } from '../../shared/contract/parts.js';
import { parseIdempotencyKey } from '../http/idempotency-key.js';
import { parsePrefer, preferenceApplied } from '../http/prefer.js';
import type { Route } from './route.js';
import { jobPath, jobJson } from '../jobs/present-job.js';
import { retryAfterSeconds } from '../jobs/completion-rates.js';
import { parseSubmission } from '../jobs/submission.js';
import { submitJob } from '../jobs/submit-job.js';
import { json, problems } from '../openapi/operation.js';

/** `POST /jobs`: accepts one prediction. */
export const submitJobRoute: Route = {
  method: 'post',
  path: '/jobs',
  operation: {
    id: 'submitJob',
    tag: 'jobs',
    summary: 'Submit one prediction',
    description:
      'The job is safely stored and queued once this answers. The body of the original service, flat, is taken for a ' +
      'job of the default model.',
    parameters: ['Prefer', 'IdempotencyKey', 'RequestIdHeader', 'Traceparent'],
    body: () => ref('Submission'),
    bodyExample: (input) => ({ input }),
    answers: {
      200: json('Job', 'It has ended within the time of `Prefer: wait`.', {
        headers: ['Location', 'Vary', 'Preference-Applied', 'Cache-Control'],
        optionalHeaders: ['Idempotency-Replayed'],
      }),
      202: json('Job', 'It is accepted.', {
        headers: ['Location', 'Retry-After', 'Vary', 'Cache-Control'],
        optionalHeaders: ['Preference-Applied', 'Idempotency-Replayed'],
        links: {
          poll: { operationId: 'getJob', parameters: { id: '$response.body#/id' } },
          cancel: { operationId: 'cancelJob', parameters: { id: '$response.body#/id' } },
        },
      }),
      ...problems(
        'malformed-json',
        'idempotency-key-malformed',
        'lane-not-allowed',
        'model-not-found',
        'request-timeout',
        'body-too-large',
        'unsupported-media-type',
        'validation-failed',
        'idempotency-key-reused',
        'too-many-waiting',
        'queue-full',
        'model-not-served',
        'redis-unavailable',
        'draining',
      ),
    },
  },
  async handle(exchange, ctx) {
    const { waitSeconds, respondAsync } = parsePrefer(exchange.header('prefer'));
    const idempotencyKey = parseIdempotencyKey(exchange.header('idempotency-key'));
    const submission = parseSubmission(ctx.models.current, await exchange.json());
    const submitted = await submitJob(exchange, ctx, submission, { waitSeconds, idempotencyKey });
    exchange.sendJsonText(submitted.hasEnded ? 200 : 202, jobJson(submitted.view), {
      Location: jobPath(submitted.view.job.id),
      'Retry-After': submitted.hasEnded ? undefined : retryAfterSeconds(submitted.view.place?.etaMs),
      Vary: 'Prefer',
      'Preference-Applied': preferenceApplied({
        respondAsync: respondAsync && !submitted.hasEnded,
        waitSeconds: submitted.hasWaited ? waitSeconds : undefined,
      }),
      'Idempotency-Replayed': submitted.isReplay ? 'true' : undefined,
    });
  },
};
