import { type Static, type TSchema, Type } from '../../shared/validation/schema.js';
import type { Manifest } from '../../shared/model/manifest.js';

/** Bounds and defaults of what a submission may say beside its input. */
export const SUBMISSION_DEFAULTS = { timeoutMs: 60_000, maxAttempts: 3 } as const;
const LONGEST_TIMEOUT_MS = 600_000;
const LONGEST_EXPIRY_MS = 7 * 86_400_000;
const MOST_ATTEMPTS = 100;

/** What the client calls the request by. */
export const RequestId = Type.String({
  minLength: 1,
  maxLength: 200,
  description:
    "The client's own name for the request. It need not be unique; `GET /jobs?request_id=` finds it.",
});

const OPTIONS = {
  request_id: Type.Optional(RequestId),
  timeout_ms: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: LONGEST_TIMEOUT_MS,
      default: SUBMISSION_DEFAULTS.timeoutMs,
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
  max_attempts: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MOST_ATTEMPTS,
      default: SUBMISSION_DEFAULTS.maxAttempts,
      description: 'Attempts after which a job whose worker was lost, or that ran out of time, has failed.',
    }),
  ),
};

/** The members of a submission that has passed its check, whichever model it is for. */
const Submitted = Type.Object({
  input: Type.Record(Type.String(), Type.Unknown()),
  model: Type.Optional(Type.String()),
  ...OPTIONS,
});
export type Submitted = Static<typeof Submitted>;

/** The body that submits a job to a model it names. `input`: the schema to put in place of the manifest's. */
export const submissionSchema = (manifest: Manifest, input: TSchema = Type.Unsafe(manifest.input)): TSchema =>
  Type.Object(
    { model: Type.Literal(manifest.name, { description: 'Which model.' }), input, ...OPTIONS },
    { additionalProperties: false, title: `A job for ${manifest.name}`, description: manifest.description },
  );

/** The body that submits a job to the default model without naming it. */
export const unnamedSubmissionSchema = (
  manifest: Manifest,
  input: TSchema = Type.Unsafe(manifest.input),
): TSchema =>
  Type.Object(
    { input, ...OPTIONS },
    { additionalProperties: false, title: 'A job for the default model', description: manifest.description },
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
    ...manifest.input,
    title: 'The body of the original service',
    description: 'Every id is required; optional members of the input may be left out.',
    properties: { request_id: RequestId, ...manifest.input.properties },
    required: ['request_id', ...(manifest.input.required ?? [])],
  });
