import type { BrokenRule, ProblemBody } from '../../shared/contract/problem.js';
import { AppError } from '../../shared/errors.js';
import { ANSWER_LIMITS, cutText } from '../../shared/validation/ajv.js';
import { PROBLEM_TYPES, type ProblemCode, problemUri } from './problem-types.js';

/** Parts of a problem beside its type and detail. */
export interface ProblemExtras {
  errors?: readonly BrokenRule[] | undefined;
  /** Whole seconds, at least 1. */
  retryAfterSeconds?: number | undefined;
  headers?: Readonly<Record<string, string>>;
}

/** Thrown by handlers to answer with a problem. */
export class ProblemError extends AppError {
  constructor(
    readonly code: ProblemCode,
    detail: string,
    readonly extras: ProblemExtras = {},
  ) {
    super(detail);
  }
}

/** Longest `detail`, in characters: some repeat a part of the request. */
const LONGEST_DETAIL = 1_000;

/** The body of the answer to a problem. */
export function problemBody({ code, message, extras }: ProblemError): ProblemBody {
  const { status, title } = PROBLEM_TYPES[code];
  return {
    type: problemUri(code),
    title,
    status,
    detail: message === '' ? undefined : cutText(message, LONGEST_DETAIL),
    errors: extras.errors?.slice(0, ANSWER_LIMITS.entries),
  };
}

/** A 408 problem. The connection ends with the answer, because the rest of the request is not waited for. */
export const requestTimeout = (detail: string): ProblemError =>
  new ProblemError('request-timeout', detail, { headers: { Connection: 'close' } });

/** A 422 problem that lists broken rules. */
export const validationFailed = (errors: readonly BrokenRule[]): ProblemError =>
  new ProblemError(
    'validation-failed',
    errors.length === 1 ? 'one rule is broken' : `${errors.length} rules are broken`,
    {
      errors,
    },
  );
