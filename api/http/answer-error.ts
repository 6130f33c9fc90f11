import { messageOf, RecordSchemaError, RedisUnavailableError } from '../../shared/errors.js';
import type { Exchange } from './exchange.js';
import { ProblemError, problemBody } from './problem.js';
import { PROBLEM_TYPES } from './problem-types.js';
import { ClientGoneError } from './read-json.js';

/** Turns whatever a handler threw into an answer. What nobody foresaw is logged and tells the client nothing. */
export function answerError(x: Exchange, error: unknown): void {
  if (error instanceof ClientGoneError) {
    x.failure = error.message;
    x.response.destroy();
    return;
  }
  const problem = toProblem(x, error);
  const { status } = PROBLEM_TYPES[problem.code];
  if (status >= 500) x.failure = messageOf(error);
  x.sendJson(status, problemBody(problem), {
    'Content-Type': 'application/problem+json',
    'Retry-After': problem.extras.retryAfterSeconds,
    ...problem.extras.headers,
  });
}

function toProblem(x: Exchange, error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof RedisUnavailableError) {
    const detail =
      x.request.method === 'GET'
        ? 'the store did not answer in time: ask again'
        : 'the store did not answer in time, and the request may have taken effect: repeat a submission with an ' +
          'Idempotency-Key, so that it is not run twice';
    return new ProblemError('redis-unavailable', detail, { retryAfterSeconds: 1 });
  }
  if (error instanceof RecordSchemaError) {
    return new ProblemError('record-unreadable', error.message, { retryAfterSeconds: 60 });
  }
  x.ctx.log.error('request failed', {
    request_id: x.requestId,
    method: x.request.method,
    route: x.defaults.route,
    error: error instanceof Error ? error.stack : String(error),
  });
  return new ProblemError('internal-error', '');
}
