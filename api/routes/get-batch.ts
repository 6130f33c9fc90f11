import { requireShareOfWaits } from '../waiting/await-end.js';
import { presentBatch } from '../batches/present-batch.js';
import { batchRetryAfterSeconds, pollBatch } from '../batches/batch-view.js';
import { parsePrefer, preferenceApplied } from '../http/prefer.js';
import type { Route } from '../http/route.js';
import { json, problems } from '../openapi/operation.js';
import { missingRecord, parseRecordId } from '../jobs/record-id.js';

/** `GET /batches/{id}`: polls, and with `Prefer: wait` polls long. */
export const getBatchRoute: Route = {
  method: 'get',
  path: '/batches/{id}',
  operation: {
    id: 'getBatch',
    tag: 'batches',
    summary: 'Poll a batch',
    description: 'How far it has come; the results of its rows are at `links.results`.',
    parameters: ['BatchId', 'Prefer', 'RequestIdHeader'],
    answers: {
      200: json('Batch', 'The batch as it is now.', {
        headers: ['Vary', 'Cache-Control'],
        optionalHeaders: ['Retry-After', 'Preference-Applied'],
      }),
      ...problems(
        'batch-not-found',
        'batch-gone',
        'too-many-waiting',
        'redis-unavailable',
        'record-unreadable',
      ),
    },
  },
  async handle(x) {
    const id = parseRecordId('batch', x.param('id'));
    const { waitSeconds } = parsePrefer(x.header('prefer'));
    requireShareOfWaits(x, waitSeconds);
    const { view, honoured } = await pollBatch(x, id, waitSeconds);
    if (!view) throw missingRecord('batch', id, x.ctx.config.jobs.resultTtlMs);
    x.sendJson(200, presentBatch(view), {
      Vary: 'Prefer',
      'Retry-After': batchRetryAfterSeconds(view),
      'Preference-Applied': preferenceApplied({
        respondAsync: false,
        waitSeconds: honoured ? waitSeconds : undefined,
      }),
    });
  },
};
