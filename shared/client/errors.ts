import type { FieldProblem, ProblemBody } from '../contract/problem.js';
import { AppError } from '../errors.js';
import { isRecord } from '../text/is-record.js';

/** A problem as it arrived. */
export interface Problem extends ProblemBody {
  /** Broken rules of the request's body alone. */
  errors: FieldProblem[];
  /** From the Retry-After header, in ms. */
  retryAfterMs?: number | undefined;
}

/** The members of a problem's body; those that are missing or of another type become `unlessTold`. */
export function readProblem(
  body: unknown,
  unlessTold: { status: number; title: string },
  retryAfterMs?: number,
): Problem {
  const { type, title, status, detail, errors } = isRecord(body) ? body : {};
  return {
    status: typeof status === 'number' ? status : unlessTold.status,
    type: typeof type === 'string' ? type : 'about:blank',
    title: typeof title === 'string' ? title : unlessTold.title,
    detail: typeof detail === 'string' ? detail : undefined,
    errors: Array.isArray(errors) ? errors.filter(isFieldProblem) : [],
    retryAfterMs,
  };
}

const isFieldProblem = (value: unknown): value is FieldProblem =>
  isRecord(value) && typeof value['pointer'] === 'string' && typeof value['detail'] === 'string';

/** The server refused the request, for good or for now. */
export class ProblemError extends AppError {
  readonly code = 'problem';
  constructor(readonly problem: Problem) {
    super(describe(problem));
  }

  /** Whether the caller sent too many requests: the server is there and did nothing. */
  get isLimit(): boolean {
    return this.problem.status === 429;
  }

  /** Whether the same request may well succeed a little later. */
  get isPassing(): boolean {
    const { status, type, retryAfterMs } = this.problem;
    if (type === '/problems/batch-over-rate-limit') return false;
    // A conflict is permanent, unless the answer has Retry-After.
    return [408, 429, 502, 503, 504].includes(status) || (status === 409 && retryAfterMs !== undefined);
  }
}

/** No answer came: nothing listens at the address, or the connection broke. The request may still have taken effect. */
export class UnreachableError extends AppError {
  readonly code = 'unreachable';
  constructor(
    readonly url: string,
    options?: ErrorOptions,
  ) {
    super(`no answer from ${url}`, options);
  }

  /** The cause in the words of Node's fetch; browsers give none. */
  get reason(): { code: string; message: string } {
    const cause = this.cause instanceof Error ? this.cause.cause : undefined;
    const { code, message } = isRecord(cause) ? cause : {};
    return {
      code: typeof code === 'string' ? code : '',
      message: typeof message === 'string' ? message : '',
    };
  }

  /** Whether a connection stood and broke: a server is there. */
  get isBroken(): boolean {
    return /^(ECONNRESET|EPIPE|UND_ERR_(SOCKET|HEADERS_TIMEOUT|BODY_TIMEOUT))$/.test(this.reason.code);
  }
}

/** An answer came that is not one of this API. */
export class UnexpectedAnswerError extends AppError {
  readonly code = 'unexpected_answer';
  constructor(url: string, what: string) {
    super(`${url} answered ${what}: is this the address of a Waggle API?`);
  }
}

function describe({ status, title, detail, errors }: Problem): string {
  const fields = errors.map((field) => `${field.pointer} ${field.detail}`);
  return [`${status} ${title}`, ...(detail === undefined ? [] : [detail]), ...fields].join('; ');
}
