import { ref } from '../../shared/contract/parts.js';
import type { ApiContext } from '../context.js';
import type { Exchange } from '../http/exchange.js';
import { digestOf, parseIdempotencyKey } from '../http/idempotency-key.js';
import { parsePrefer, preferenceApplied, type Preferences } from '../http/prefer.js';
import { ProblemError, problemBody } from '../http/problem.js';
import { type JsonBody, readJson, tooLarge } from '../http/read-json.js';
import type { Route } from './route.js';
import { jobPath, jobJson } from '../jobs/present-job.js';
import { retryAfterSeconds } from '../jobs/completion-rates.js';
import { isImageRequest, readImageSubmission } from '../jobs/image-submission.js';
import { entriesOf, isMany, parseEntries, parseSubmission, type Submission } from '../jobs/submission.js';
import { submitJob } from '../jobs/submit-job.js';
import { submitMany } from '../jobs/submit-many.js';
import { MANY } from '../models/submission-schemas.js';
import { IMAGE_TYPES } from '../../shared/model/image-members.js';
import { INTAKE_PROBLEMS, json, problems } from '../openapi/operation.js';

/** `POST /jobs`: accepts one prediction, or many. */
export const submitJobRoute: Route = {
  method: 'post',
  path: '/jobs',
  operation: {
    id: 'submitJob',
    tag: 'jobs',
    summary: 'Submit one prediction, or up to 256',
    description:
      'The job is safely stored and queued once this answers. The body of the original service, flat, is taken for a ' +
      'job of the default model. With `{"jobs":[...]}` each entry is answered by itself, in order, with its job or with the ' +
      'problem that it would have alone; the request is refused where every entry has one. Room in the queues is found ' +
      'for all of them or for none. `wait` waits for all, an Idempotency-Key holds for the whole, with the body byte for byte, and ' +
      'each entry counts in the rate limit. For a model with one image among its members the body may be the image itself; ' +
      'the other members, `request_id` and whatever else may stand beside `input` are parameters of the query then.',
    parameters: ['ImageModel', 'Prefer', 'IdempotencyKey', 'RequestIdHeader', 'Traceparent'],
    body: () => ({ anyOf: [ref('Submission'), ref('Submissions')] }),
    bodyExample: (input) => ({ input }),
    otherBodies: Object.fromEntries(IMAGE_TYPES.map((type) => [type, {}])),
    answers: {
      200: json(
        'Submitted',
        'It has ended within the time of `Prefer: wait`; of many, all that are accepted.',
        {
          headers: ['Vary', 'Preference-Applied'],
          optionalHeaders: ['Location', 'Idempotency-Replayed'],
        },
      ),
      202: json('Submitted', 'It is accepted; of many, one at least.', {
        headers: ['Retry-After', 'Vary'],
        optionalHeaders: ['Location', 'Preference-Applied', 'Idempotency-Replayed'],
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
        'batch-over-rate-limit',
        ...INTAKE_PROBLEMS,
      ),
    },
  },
  async handle(exchange, ctx) {
    const preferences = parsePrefer(exchange.header('prefer'));
    const idempotencyKey = parseIdempotencyKey(exchange.header('idempotency-key'));
    const models = ctx.models.current;
    const { bodyLimitBytes } = ctx.config;
    if (isImageRequest(exchange)) {
      return handleOne(exchange, ctx, await readImageSubmission(exchange, ctx), {
        ...preferences,
        idempotencyKey,
      });
    }
    const body = await readJson(exchange.request, {
      limitBytes: bodyLimitBytes + models.tensorBytes,
      timeoutMs: ctx.limits.bodyMs,
      larger: { start: MANY_START, limitBytes: MANY.bodyBytes },
    });
    if (isMany(body.value)) return handleMany(exchange, ctx, body, { ...preferences, idempotencyKey });
    const submission = parseSubmission(models, body.value);
    const limitBytes = bodyLimitBytes + submission.model.tensorBytes;
    if (body.bytes.length > limitBytes) throw tooLarge('the body of such a job', limitBytes);
    await handleOne(exchange, ctx, submission, { ...preferences, idempotencyKey });
  },
};

type Wishes = Preferences & { idempotencyKey: string | undefined };

/** Answers a request for one job. */
async function handleOne(
  exchange: Exchange,
  ctx: ApiContext,
  submission: Submission,
  { waitSeconds, respondAsync, idempotencyKey }: Wishes,
): Promise<void> {
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
}

/** How a body of many jobs starts. It has no other member, so a larger one that starts otherwise is refused while it comes. */
const MANY_START = /^\s*\{\s*"jobs"\s*:/;

/** Answers a request for many jobs. */
async function handleMany(
  exchange: Exchange,
  ctx: ApiContext,
  body: JsonBody,
  { waitSeconds, respondAsync, idempotencyKey: key }: Wishes,
): Promise<void> {
  const models = ctx.models.current;
  const entries = entriesOf(models, body);
  await ctx.admission.countRows(exchange, { more: entries.length - 1, total: entries.length });
  const { bodyLimitBytes } = ctx.config;
  const submissions = parseEntries(
    models,
    entries,
    body.bytes.length > bodyLimitBytes ? bodyLimitBytes : undefined,
  );
  const submitted = await submitMany(exchange, ctx, submissions, {
    waitSeconds,
    idempotency: key === undefined ? undefined : { key, fingerprint: digestOf('POST /jobs', body.bytes) },
  });
  let longestEtaMs = 0;
  const texts = submitted.entries.map((entry) => {
    if (entry instanceof ProblemError) return JSON.stringify(problemBody(entry));
    longestEtaMs = Math.max(longestEtaMs, entry.place?.etaMs ?? 0);
    return jobJson(entry);
  });
  exchange.send(
    submitted.hasEnded ? 200 : 202,
    `{"jobs":[${texts.join(',')}]}`,
    {
      'Retry-After': submitted.hasEnded ? undefined : retryAfterSeconds(longestEtaMs),
      Vary: 'Prefer',
      'Preference-Applied': preferenceApplied({
        respondAsync: respondAsync && !submitted.hasEnded,
        waitSeconds: submitted.hasWaited ? waitSeconds : undefined,
      }),
      'Idempotency-Replayed': submitted.isReplay ? 'true' : undefined,
    },
    'application/json',
  );
}
