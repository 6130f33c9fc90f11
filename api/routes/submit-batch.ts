import { ref } from '../../shared/contract/parts.js';
import { PRIORITIES, type Priority } from '../../shared/contract/states.js';
import { laneFor } from '../http/caller.js';
import { requireShareOfWaits } from '../waiting/wait-for-end.js';
import { batchPath, presentBatch } from '../batches/present-batch.js';
import { readFlag, readQuery, readText } from '../http/query.js';
import { batchRetryAfterSeconds, waitForBatch } from '../batches/batch-view.js';
import { submitBatch } from '../batches/submit-batch.js';
import { isGzip, rowReaderFor } from '../batches/upload/upload-format.js';
import { parseIdempotencyKey } from '../http/idempotency-key.js';
import { parsePrefer, preferenceApplied } from '../http/prefer.js';
import type { Route } from './route.js';
import { modelNamed } from '../models/served-models.js';
import { INTAKE_PROBLEMS, json, problems } from '../openapi/operation.js';

const LONGEST_TEXT = 200;

function readPriority(text: string): Priority {
  const lane = PRIORITIES.find((known) => known === text);
  if (!lane) throw new Error(`must be one of ${PRIORITIES.join(', ')}`);
  return lane;
}

/** `POST /batches`: accepts many predictions, as a stream. */
export const submitBatchRoute: Route = {
  method: 'post',
  path: '/batches',
  operation: {
    id: 'submitBatch',
    tag: 'batches',
    summary: 'Submit many predictions',
    description:
      'JSON (`{"inputs":[...]}`), NDJSON (one input a line) or CSV (the header names the members), gzip or not. Rows ' +
      'run while the upload goes on. A bad row becomes a row error in the results, unless `strict` refuses the batch. ' +
      'More than 10,000 bad rows, or 16 MiB of them, fail the batch: 422, and nothing of it is kept.',
    parameters: [
      'Model',
      'RequestId',
      'Priority',
      'Strict',
      'ContentEncoding',
      'Prefer',
      'IdempotencyKey',
      'RequestIdHeader',
    ],
    body: () => ref('BatchUpload'),
    bodyExample: (input) => ({ inputs: [input] }),
    otherBodies: { 'application/x-ndjson': { type: 'string' }, 'text/csv': { type: 'string' } },
    answers: {
      200: json('Batch', 'It has ended within the time of `Prefer: wait`.', {
        headers: ['Location', 'Vary', 'Preference-Applied'],
        optionalHeaders: ['Idempotency-Replayed'],
      }),
      202: json('Batch', 'The upload is complete.', {
        headers: ['Location', 'Vary'],
        optionalHeaders: ['Retry-After', 'Preference-Applied', 'Idempotency-Replayed'],
        links: {
          poll: { operationId: 'getBatch', parameters: { id: '$response.body#/id' } },
          results: { operationId: 'getBatchResults', parameters: { id: '$response.body#/id' } },
          cancel: { operationId: 'cancelBatch', parameters: { id: '$response.body#/id' } },
        },
      }),
      ...problems(
        'malformed-batch',
        'idempotency-key-malformed',
        'lane-not-allowed',
        'model-not-found',
        'request-timeout',
        'batch-uploading',
        'batch-ended',
        'batch-too-large',
        'unsupported-media-type',
        'validation-failed',
        'idempotency-key-reused',
        'batch-over-rate-limit',
        ...INTAKE_PROBLEMS,
      ),
    },
  },
  async handle(exchange, ctx) {
    const text = readText(LONGEST_TEXT);
    const query = readQuery<{ model: string; request_id: string; priority: Priority; strict: boolean }>(
      exchange.query(),
      { model: text, request_id: text, priority: readPriority, strict: readFlag },
    );
    const { waitSeconds } = parsePrefer(exchange.header('prefer'));
    requireShareOfWaits(exchange, ctx.waiters, waitSeconds);
    const idempotencyKey = parseIdempotencyKey(exchange.header('idempotency-key'));
    const models = ctx.models.current;
    const model = query.model === undefined ? models.default : modelNamed(models, query.model);
    const { batchId, isReplay } = await submitBatch(exchange, ctx, {
      model,
      requestId: query.request_id,
      priority: laneFor(exchange.caller, query.priority),
      idempotencyKey,
      upload: {
        reader: rowReaderFor(exchange.header('content-type'), model.manifest),
        gzip: isGzip(exchange.header('content-encoding')),
        strict: query.strict ?? false,
        fingerprint: idempotencyKey !== undefined,
        idleMs: ctx.limits.uploadIdleMs,
        ...ctx.config.batches,
      },
    });
    const { view, honoured } = await waitForBatch(exchange, ctx, batchId, waitSeconds);
    const retryAfter = batchRetryAfterSeconds(view);
    exchange.sendJson(waitSeconds !== undefined && retryAfter === undefined ? 200 : 202, presentBatch(view), {
      Location: batchPath(batchId),
      'Retry-After': retryAfter,
      Vary: 'Prefer',
      'Preference-Applied': preferenceApplied({ waitSeconds: honoured ? waitSeconds : undefined }),
      'Idempotency-Replayed': isReplay ? 'true' : undefined,
    });
  },
};
