import { requireShareOfWaits } from '../waiting/wait-for-end.js';
import { presentBatch } from '../batches/present-batch.js';
import { batchRetryAfterSeconds, waitForBatch } from '../batches/batch-view.js';
import { parsePrefer, preferenceApplied } from '../http/prefer.js';
import type { Route } from './route.js';
import { json, problems } from '../openapi/operation.js';
import { recordIdOf } from '../jobs/record-id.js';

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
        headers: ['Vary'],
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
  async handle(exchange, ctx) {
    const id = recordIdOf(exchange, 'batch');
    const { waitSeconds } = parsePrefer(exchange.header('prefer'));
    requireShareOfWaits(exchange, ctx.waiters, waitSeconds);
    const { view, honoured } = await waitForBatch(exchange, ctx, id, waitSeconds);
    exchange.sendJson(200, presentBatch(view), {
      Vary: 'Prefer',
      'Retry-After': batchRetryAfterSeconds(view),
      'Preference-Applied': preferenceApplied({ waitSeconds: honoured ? waitSeconds : undefined }),
    });
  },
};
