import { type Static, Type } from '../../shared/validation/schema.js';
import { AppError } from '../../shared/errors.js';
import { ANSWER_LIMITS, cutText } from '../../shared/validation/ajv.js';
import { PROBLEM_TYPES, type ProblemCode, problemUri } from './problem-types.js';

const BrokenRule = Type.Object(
  {
    pointer: Type.Optional(
      Type.String({
        description: 'Member of the body: a JSON Pointer as a URI fragment (RFC 6901, section 6).',
      }),
    ),
    parameter: Type.Optional(Type.String({ description: 'Parameter of the query.' })),
    detail: Type.String({ description: 'The rule.' }),
  },
  { additionalProperties: false, description: 'One broken rule, in the body or in the query.' },
);
export type BrokenRule = Static<typeof BrokenRule>;

/** The body of every error, RFC 9457. */
export const Problem = Type.Object(
  {
    type: Type.String({
      format: 'uri-reference',
      description: 'Identifies the kind of problem; leads to its page.',
    }),
    title: Type.String({ description: 'The same for every problem of this type.' }),
    status: Type.Integer({ minimum: 400, maximum: 599, description: 'HTTP status of the answer.' }),
    detail: Type.Optional(Type.String({ description: 'What happened this time, for people.' })),
    errors: Type.Optional(
      Type.Array(BrokenRule, {
        description: 'Every broken rule; past 100, or 32,768 characters, the last entry says how many more.',
      }),
    ),
  },
  { additionalProperties: false, description: 'Why the request was not done (RFC 9457).' },
);
export type Problem = Static<typeof Problem>;

/** What a problem carries beside its type and detail. */
export interface ProblemExtras {
  errors?: readonly BrokenRule[];
  /** Whole seconds, at least 1. */
  retryAfterSeconds?: number;
  headers?: Readonly<Record<string, string>>;
}

/** Thrown by handlers to answer with a problem. */
export class ProblemError extends AppError {
  override name = 'ProblemError';
  constructor(
    readonly code: ProblemCode,
    detail: string,
    readonly extras: ProblemExtras = {},
  ) {
    super(detail);
  }
}

/** Of what is said to people: some of it repeats what was sent. */
const LONGEST_DETAIL = 1_000;

/** The body that tells of a problem. */
export function problemBody({ code, message, extras }: ProblemError): Problem {
  const { status, title } = PROBLEM_TYPES[code];
  return {
    type: problemUri(code),
    title,
    status,
    ...(message === '' ? {} : { detail: cutText(message, LONGEST_DETAIL) }),
    ...(extras.errors ? { errors: extras.errors.slice(0, ANSWER_LIMITS.entries) } : {}),
  };
}

/** A 408 problem. What is still to come of the request is not waited for: the connection ends with the answer. */
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
