import type { Json } from './json.js';

const text = (description: string, more: Json = {}) => ({ description, schema: { type: 'string', ...more } });

/** Every response header that means something to a client. */
export const HEADERS = {
  'X-Request-Id': text('The `X-Request-Id` of the request, or a new one. The log knows the exchange by it.'),
  Location: text('Where to poll the job.', { format: 'uri-reference' }),
  'Retry-After': {
    description: 'Whole seconds after which asking again makes sense.',
    schema: { type: 'integer', minimum: 1 },
  },
  ETag: text('Weak; changes with everything but the estimate of time.', { pattern: '^(W/)?"[^"]*"$' }),
  'Cache-Control': text('`no-store` unless the answer can no longer change.'),
  Vary: text('The request headers that change the answer.'),
  'Preference-Applied': text('The preferences that were honoured (RFC 7240).'),
  'Idempotency-Replayed': text('The job was made by an earlier request with the same key.', {
    const: 'true',
  }),
  'Batch-Complete': text(
    'Whether the results go to the last row; otherwise to the first chunk that has not run.',
    {
      enum: ['true', 'false'],
    },
  ),
  'WWW-Authenticate': text('How to say who calls (RFC 6750).'),
  RateLimit: text('What is left of the limit and when it begins anew, where there is one.'),
  'RateLimit-Policy': text('The limit, where there is one.'),
  'Inference-Header-Content-Length': text('Bytes of the JSON, which binary tensors follow.'),
  Allow: text('The methods that the resource knows.'),
} as const satisfies Record<string, Json>;

export type HeaderName = keyof typeof HEADERS;
