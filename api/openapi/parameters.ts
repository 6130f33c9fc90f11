import { PRIORITIES } from '../../shared/contract/states.js';
import { JOB_STATES } from '../../shared/contract/states.js';
import { HISTORY_MINUTES } from '../../shared/stats/stats-store.js';
import { PAGE_LIMIT } from '../jobs/list-query.js';
import { IDEMPOTENCY_KEY_PATTERN } from '../http/idempotency-key.js';
import type { Json } from './json.js';

const parameter = (place: 'path' | 'query' | 'header', name: string, more: Json) => ({
  name,
  in: place,
  ...(place === 'path' ? { required: true } : {}),
  ...more,
});

/** Every parameter of every operation, by the name under which the components keep it. */
export const PARAMETERS = {
  JobId: parameter('path', 'id', { schema: { type: 'string' }, description: 'UUIDv7 of the job.' }),
  BatchId: parameter('path', 'id', { schema: { type: 'string' }, description: 'UUIDv7 of the batch.' }),
  ModelName: parameter('path', 'name', { schema: { type: 'string' }, description: 'Name of the model.' }),
  ModelVersion: parameter('path', 'version', {
    schema: { type: 'string' },
    description: 'Version of the model: any but the one that is served is 404.',
  }),
  InferenceHeaderLength: parameter('header', 'Inference-Header-Content-Length', {
    schema: { type: 'string', pattern: '^[0-9]{1,10}$' },
    description: 'Bytes of the JSON where binary tensors follow it.',
  }),
  ProblemCode: parameter('path', 'code', {
    schema: { type: 'string' },
    description: 'Last part of the `type` of a problem.',
  }),
  Prefer: parameter('header', 'Prefer', {
    description:
      'RFC 7240. `wait=N`: hold the answer until the job has ended, N seconds at most (60 at the very most). ' +
      '`respond-async`: answer with the job. Other preferences are ignored.',
    schema: { type: 'string' },
    examples: { wait: { value: 'wait=5' } },
  }),
  IdempotencyKey: parameter('header', 'Idempotency-Key', {
    description:
      'Makes repeating safe: the same key with the same body again answers with the first job. Kept as long as the job, 24 hours at most after its end. ' +
      'A quoted string or bare, 1 to 255 visible ASCII characters.',
    schema: { type: 'string', pattern: IDEMPOTENCY_KEY_PATTERN },
  }),
  IfNoneMatch: parameter('header', 'If-None-Match', {
    description: 'An ETag got before: 304 when nothing has changed since.',
    schema: { type: 'string' },
  }),
  RequestIdHeader: parameter('header', 'X-Request-Id', {
    description: 'Comes back with the answer and stands in the log. At most 128 visible ASCII characters.',
    schema: { type: 'string' },
  }),
  Traceparent: parameter('header', 'traceparent', {
    description: 'W3C Trace Context; goes with the job to its worker. An invalid one is ignored.',
    schema: { type: 'string' },
  }),
  Status: parameter('query', 'status', {
    description: 'May be given several times.',
    schema: { type: 'array', items: { type: 'string', enum: [...JOB_STATES] } },
    style: 'form',
    explode: true,
  }),
  Model: parameter('query', 'model', {
    schema: { type: 'string', minLength: 1, maxLength: 200 },
    description: 'Name of the model.',
  }),
  ImageModel: parameter('query', 'model', {
    schema: { type: 'string', minLength: 1 },
    description: 'Name of the model, required where the body is an image, and ignored elsewhere.',
  }),
  RequestId: parameter('query', 'request_id', {
    schema: { type: 'string', minLength: 1, maxLength: 200 },
    description: "The client's own name for the request.",
  }),
  Strict: parameter('query', 'strict', {
    description: 'Refuse the whole batch for one bad row; nothing runs before all rows have come.',
    schema: { type: 'boolean', default: false },
  }),
  ContentEncoding: parameter('header', 'Content-Encoding', {
    description: 'The body may be gzip.',
    schema: { type: 'string', enum: ['gzip', 'x-gzip', 'identity'] },
  }),
  AcceptResults: parameter('header', 'Accept', {
    description: 'NDJSON unless `text/csv` is asked for.',
    schema: { type: 'string' },
  }),
  From: parameter('query', 'from', {
    description: 'First row that is wanted, from 0: resumes a reading that broke off.',
    schema: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 },
  }),
  LastEventId: parameter('header', 'Last-Event-ID', {
    description:
      'The `id` of the last event that was received: what has not changed since is not sent again.',
    schema: { type: 'string' },
  }),
  HistoryMinutes: parameter('query', 'minutes', {
    description: 'How far back the history goes; more than three hours come in steps of several minutes.',
    schema: { type: 'integer', minimum: 1, maximum: HISTORY_MINUTES, default: 60 },
  }),
  Priority: parameter('query', 'priority', {
    description: 'The lane in which the rows wait, `normal` unless the key says otherwise.',
    schema: { type: 'string', enum: [...PRIORITIES] },
  }),
  HistoryModel: parameter('query', 'model', {
    description: 'The model whose figures are wanted; unset: of all together.',
    schema: { type: 'string', minLength: 1, maxLength: 200 },
  }),
  Limit: parameter('query', 'limit', {
    description: 'Most entries of a page.',
    schema: { type: 'integer', minimum: 1, maximum: PAGE_LIMIT.most, default: PAGE_LIMIT.unlessGiven },
  }),
  Cursor: parameter('query', 'cursor', {
    description: '`next_cursor` of the page before.',
    schema: { type: 'string' },
  }),
} as const satisfies Record<string, Json>;

export type ParameterName = keyof typeof PARAMETERS;
