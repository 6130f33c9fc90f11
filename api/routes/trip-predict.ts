import { ref } from '../../shared/contract/parts.js';
import type { BrokenRule } from '../../shared/contract/problem.js';
import { REPLY, type TripReply } from '../../shared/contract/trip.js';
import { isEnded, type Job } from '../../shared/jobs/job.js';
import { violationsOf } from '../../shared/validation/ajv.js';
import type { Exchange } from '../http/exchange.js';
import { parsePrefer, MAX_WAIT_SECONDS, preferenceApplied } from '../http/prefer.js';
import { ProblemError } from '../http/problem.js';
import type { Route } from './route.js';
import { jobPath, jobJson } from '../jobs/present-job.js';
import { retryAfterSeconds } from '../jobs/completion-rates.js';
import { fromFlat } from '../jobs/submission.js';
import { submitJob } from '../jobs/submit-job.js';
import type { DefaultModel } from '../models/served-models.js';
import { INTAKE_PROBLEMS, json, problems } from '../openapi/operation.js';

/** `POST /v1/trip/predict`: the original service's blocking call, on top of a job like any other. */
export const tripPredictRoute: Route = {
  method: 'post',
  path: '/v1/trip/predict',
  operation: {
    id: 'predictTrip',
    tag: 'original service',
    summary: 'Predict the duration of a trip and wait for it',
    description:
      'Waits up to 60 seconds, or as long as `Prefer: wait` says. With `Prefer: respond-async` it answers with the job ' +
      'instead, unless that ended within the time of a `wait`.',
    parameters: ['Prefer', 'RequestIdHeader', 'Traceparent'],
    body: () => ref('TripCall'),
    bodyExample: (input) => ({ request_id: '99999', ...input }),
    answers: {
      200: json('TripReply', 'The prediction, or why there is none.', {
        headers: ['Vary'],
        optionalHeaders: ['Preference-Applied'],
      }),
      202: json('Job', 'The job, with `Prefer: respond-async`.', {
        headers: ['Location', 'Retry-After', 'Vary', 'Preference-Applied'],
      }),
      400: json('TripRefusal', 'The body breaks rules.'),
      ...problems('request-timeout', 'body-too-large', 'unsupported-media-type', ...INTAKE_PROBLEMS),
    },
  },
  async handle(exchange, ctx) {
    const body = await readCall(exchange, ctx.models.current.default);
    if (body === undefined) return;
    const { waitSeconds, respondAsync } = parsePrefer(exchange.header('prefer'));
    const longestSeconds = waitSeconds ?? (respondAsync ? undefined : MAX_WAIT_SECONDS);
    const submission = {
      ...fromFlat(ctx.models.current, body),
      // The client has its answer by then and knows no id to poll: the job need not run any more.
      expiresInMs: respondAsync ? undefined : MAX_WAIT_SECONDS * 1000,
    };
    const submitted = await submitJob(exchange, ctx, submission, { waitSeconds: longestSeconds });
    const isAsync = respondAsync && !submitted.hasEnded;
    const headers = {
      Vary: 'Prefer',
      'Preference-Applied': preferenceApplied({
        respondAsync: isAsync,
        waitSeconds: submitted.hasWaited ? waitSeconds : undefined,
      }),
    };
    if (!isAsync) return exchange.sendJson(200, replyOf(submitted.view.job), headers);
    exchange.sendJsonText(202, jobJson(submitted.view), {
      ...headers,
      Location: jobPath(submitted.view.job.id),
      'Retry-After': retryAfterSeconds(submitted.view.place?.etaMs),
    });
  },
};

/** The checked body; undefined when it was refused, which is answered here in the original's way. */
async function readCall(
  exchange: Exchange,
  { validateOriginalCall: validate }: DefaultModel,
): Promise<Record<string, unknown> | undefined> {
  let body: unknown;
  try {
    body = await exchange.json();
  } catch (error) {
    if (!(error instanceof ProblemError) || error.code !== 'malformed-json') throw error;
    refuse(exchange, [{ pointer: '#', detail: error.message }], null);
    return undefined;
  }
  if (validate(body)) return body as Record<string, unknown>;
  refuse(exchange, violationsOf(validate), body);
  return undefined;
}

function refuse(exchange: Exchange, detail: BrokenRule[], body: unknown): void {
  exchange.sendJson(400, {
    message: 'the request breaks rules',
    detail: detail.slice(0, 100),
    body: echoOf(body),
  });
}

/** The body of the request, unless it is nested too deeply to be written again. */
function echoOf(body: unknown): unknown {
  try {
    JSON.stringify(body);
    return body;
  } catch {
    return null;
  }
}

function replyOf(job: Job): TripReply {
  if (job.state === 'succeeded') {
    const { duration } = JSON.parse(job.resultJson) as Partial<TripReply>;
    if (typeof duration === 'number') return { reply_code: REPLY.ok, duration };
  }
  const tooLate =
    !isEnded(job.state) ||
    job.state === 'expired' ||
    (job.state === 'failed' && job.failure.code === 'timeout');
  return { reply_code: tooLate ? REPLY.noAnswerInTime : REPLY.taskFailed, duration: 0 };
}
