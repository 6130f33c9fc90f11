import { PRIORITIES } from '../../shared/contract/states.js';
import { word } from '../../shared/contract/parts.js';
import { type Static, type TSchema, Type, WELL_FORMED } from '../../shared/validation/schema.js';
import type { Manifest } from '../../shared/model/manifest.js';

/** The most that a submission may ask for: the operator's bounds. */
export interface SubmissionBounds {
  timeoutMs: number;
  attempts: number;
}

/** The largest bounds there may be, and those where the operator sets none. */
export const LARGEST_BOUNDS: SubmissionBounds = { timeoutMs: 600_000, attempts: 100 };

/** Options of a submission that names none, within the bounds. */
export const submissionDefaults = (most: SubmissionBounds): SubmissionBounds => ({
  timeoutMs: Math.min(60_000, most.timeoutMs),
  attempts: Math.min(3, most.attempts),
});

const LONGEST_EXPIRY_MS = 7 * 86_400_000;
/** How far ahead a job may be put off. */
export const LONGEST_DELAY_MS = 30 * 86_400_000;

/** The client's own name for a request. */
export const RequestId = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: WELL_FORMED,
  description:
    "The client's own name for the request. It need not be unique; `GET /jobs?request_id=` finds it.",
});

/** The members of a submission beside its model and input. */
export const optionsOf = (most: SubmissionBounds) => ({
  request_id: Type.Optional(RequestId),
  timeout_ms: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: most.timeoutMs,
      default: submissionDefaults(most).timeoutMs,
      description: 'Longest that one attempt may run.',
    }),
  ),
  expires_in_ms: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: LONGEST_EXPIRY_MS,
      description:
        'A job that is still queued after this ends as `expired`, without being run. No job waits longer than the ' +
        'service allows (QUEUE_TTL_MS).',
    }),
  ),
  priority: Type.Optional(
    word(
      PRIORITIES,
      'The lane in which the job waits, `normal` unless its key says otherwise. Lanes are strict: a job waits for all ' +
        'those of higher ones.',
    ),
  ),
  delay_ms: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: LONGEST_DELAY_MS,
      description: 'Not run before so long after its acceptance. `expires_in_ms` counts from then.',
    }),
  ),
  not_before: Type.Optional(
    Type.String({
      format: 'date-time',
      description:
        'Not run before this time, at most 30 days ahead; the same as `delay_ms`, which it excludes.',
    }),
  ),
  max_attempts: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: most.attempts,
      default: submissionDefaults(most).attempts,
      description: 'Attempts after which a job whose worker was lost, or that ran out of time, has failed.',
    }),
  ),
});

type Options = ReturnType<typeof optionsOf>;

/** The members of a submission that has passed its check, whichever model it is for. */
export type Submitted = { [K in keyof Options]?: Static<Options[K]> | undefined } & {
  input: Record<string, unknown>;
  model?: string;
};

/** The body that submits a job to a model it names. `input`: the schema to put in place of the manifest's. */
export const submissionSchema = (
  manifest: Manifest,
  most: SubmissionBounds,
  input: TSchema = Type.Unsafe(manifest.input),
): TSchema =>
  Type.Object(
    { model: Type.Literal(manifest.name, { description: 'Which model.' }), input, ...optionsOf(most) },
    { additionalProperties: false, title: `A job for ${manifest.name}`, description: manifest.description },
  );

/** The body that submits a job to the default model without naming it. */
export const unnamedSubmissionSchema = (
  manifest: Manifest,
  most: SubmissionBounds,
  input: TSchema = Type.Unsafe(manifest.input),
): TSchema =>
  Type.Object(
    { input, ...optionsOf(most) },
    { additionalProperties: false, title: 'A job for the default model', description: manifest.description },
  );

/** The most jobs of one request, and the largest body with them, in bytes. */
export const MANY = { jobs: 256, bodyBytes: 4 * 1024 * 1024 } as const;

/**
 * The body that submits many jobs. Each entry is checked by itself; `submission`: the schema that one of them at least
 * keeps, for without any the request is refused.
 */
export const manySubmissionsSchema = (submission?: TSchema): TSchema =>
  Type.Object(
    {
      jobs: Type.Array(
        Type.Unsafe({
          description: 'A job as it would stand alone. One that breaks rules becomes a problem in its place.',
        }),
        {
          minItems: 1,
          maxItems: MANY.jobs,
          description: 'One at least keeps all rules.',
          ...(submission ? { contains: submission } : {}),
        },
      ),
    },
    {
      additionalProperties: false,
      title: 'Many jobs',
      description: `Up to ${MANY.jobs} jobs, of several models, too, in ${MANY.bodyBytes} bytes at most.`,
    },
  );

/** The original service's body: the members of the default model's input, flat, beside `request_id`. */
export const flatSubmissionSchema = (manifest: Manifest): TSchema =>
  Type.Unsafe({
    ...manifest.input,
    title: 'The body of the original service, for the default model',
    description: 'The members of the input stand beside `request_id`.',
    properties: { request_id: RequestId, ...manifest.input.properties },
  });

/** The body of the original service's blocking call: {@link flatSubmissionSchema} with every id required. */
export const originalCallSchema = (manifest: Manifest): TSchema =>
  Type.Unsafe({
    ...flatSubmissionSchema(manifest),
    title: 'The body of the original service',
    description: 'Every id is required; optional members of the input may be left out.',
    required: ['request_id', ...(manifest.input.required ?? [])],
  });
