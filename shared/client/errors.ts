import { AppError } from '../errors.js';
import { isRecord } from '../text/is-record.js';

/** One member of a request that the server did not take. */
export interface FieldProblem {
  /** JSON pointer into the request body, such as `#/input/distance`. */
  pointer: string;
  detail: string;
}

/** What `application/problem+json` (RFC 9457) carries. */
export interface Problem {
  status: number;
  type: string;
  title: string;
  detail?: string;
  errors: FieldProblem[];
  /** From the Retry-After header, in ms. */
  retryAfterMs?: number;
}

/** The server answered that it will not, or cannot now, do what was asked. */
export class ProblemError extends AppError {
  override name = 'ProblemError';
  readonly code = 'problem';
  constructor(readonly problem: Problem) {
    super(describe(problem));
  }

  /** Whether there were too many requests: nothing was done, and the server is there. */
  get isLimit(): boolean {
    return this.problem.status === 429;
  }

  /** Whether the same request may well succeed a little later. */
  get isPassing(): boolean {
    const { status, type, retryAfterMs } = this.problem;
    if (type === '/problems/batch-over-rate-limit') return false;
    // A conflict is for good, unless the server says when to come again.
    return [408, 429, 502, 503, 504].includes(status) || (status === 409 && retryAfterMs !== undefined);
  }
}

/** No answer came: nothing listens there, or the connection broke. What was asked may still have happened. */
export class UnreachableError extends AppError {
  override name = 'UnreachableError';
  readonly code = 'unreachable';
  constructor(
    readonly url: string,
    options?: ErrorOptions,
  ) {
    super(`no answer from ${url}`, options);
  }

  /** Why, as the platform's fetch tells; browsers' does not. */
  get reason(): { code: string; message: string } {
    const cause = this.cause instanceof Error ? this.cause.cause : undefined;
    const { code, message } = isRecord(cause) ? cause : {};
    return {
      code: typeof code === 'string' ? code : '',
      message: typeof message === 'string' ? message : '',
    };
  }

  /** Whether a connection was there and has broken: there is a server. */
  get isBroken(): boolean {
    return /^(ECONNRESET|EPIPE|UND_ERR_(SOCKET|HEADERS_TIMEOUT|BODY_TIMEOUT))$/.test(this.reason.code);
  }
}

/** Something answered, and it does not speak as this API does. */
export class UnexpectedAnswerError extends AppError {
  override name = 'UnexpectedAnswerError';
  readonly code = 'unexpected_answer';
  constructor(url: string, what: string) {
    super(`${url} answered ${what}: is this the address of a Waggle API?`);
  }
}

function describe({ status, title, detail, errors }: Problem): string {
  const fields = errors.map((field) => `${field.pointer} ${field.detail}`);
  return [`${status} ${title}`, ...(detail === undefined ? [] : [detail]), ...fields].join('; ');
}
