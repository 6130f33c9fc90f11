import {
  messageOf,
  NotReplicatedError,
  RecordSchemaError,
  RedisUnavailableError,
} from '../../shared/errors.js';
import type { Logger } from '../../shared/log/logger.js';
import type { Exchange } from './exchange.js';
import { ProblemError, problemBody } from './problem.js';
import { PROBLEM_TYPES } from './problem-types.js';
import { ClientGoneError } from './read-json.js';

/** Paths of the Open Inference Protocol, which says what its errors look like. */
const INFERENCE_PATH = /^\/v2(\/|$)/i;

/** Turns an error that a handler threw into an answer. An unforeseen error is logged, and its text is kept from the client. */
export function answerError(exchange: Exchange, error: unknown, log: Logger): void {
  if (error instanceof ClientGoneError) {
    exchange.failure = error.message;
    exchange.response.destroy();
    return;
  }
  const problem = toProblem(exchange, error, log);
  const { status } = PROBLEM_TYPES[problem.code];
  if (status >= 500) exchange.failure = messageOf(error);
  const isInference = INFERENCE_PATH.test(exchange.request.path);
  const { title, detail = title } = problemBody(problem);
  exchange.sendJson(status, isInference ? { error: detail } : problemBody(problem), {
    'Content-Type': isInference ? 'application/json' : 'application/problem+json',
    'Retry-After': problem.extras.retryAfterSeconds,
    ...problem.extras.headers,
  });
}

function toProblem(exchange: Exchange, error: unknown, log: Logger): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof NotReplicatedError) {
    const detail =
      'the request may have taken effect, and too few replicas of the store have it: repeat it, a submission with its ' +
      'Idempotency-Key, so that it is done once';
    return new ProblemError('not-replicated', detail, { retryAfterSeconds: 1 });
  }
  if (error instanceof RedisUnavailableError) {
    const detail =
      exchange.request.method === 'GET'
        ? 'the store did not answer in time: ask again'
        : 'the store did not answer in time, and the request may have taken effect: repeat a submission with an ' +
          'Idempotency-Key, so that it is not run twice';
    return new ProblemError('redis-unavailable', detail, { retryAfterSeconds: 1 });
  }
  if (error instanceof RecordSchemaError) {
    return new ProblemError('record-unreadable', error.message, { retryAfterSeconds: 60 });
  }
  log.error('request failed', {
    request_id: exchange.requestId,
    method: exchange.request.method,
    route: exchange.defaults.route,
    error: error instanceof Error ? error.stack : String(error),
  });
  return new ProblemError('internal-error', '');
}
