import { presentBatch } from '../batches/present-batch.js';
import { readBatch, viewBatch } from '../batches/batch-view.js';
import { visibleOwner } from '../http/caller.js';
import { ProblemError } from '../http/problem.js';
import type { Route } from './route.js';
import { json, problems } from '../openapi/operation.js';
import { missingRecord, recordIdOf } from '../jobs/record-id.js';

/** `DELETE /batches/{id}`: cancels what has not run. */
export const cancelBatchRoute: Route = {
  method: 'delete',
  path: '/batches/{id}',
  operation: {
    id: 'cancelBatch',
    tag: 'batches',
    summary: 'Cancel what has not run of a batch',
    description: 'Rows that have run keep their results.',
    parameters: ['BatchId', 'RequestIdHeader'],
    answers: {
      200: json('Batch', 'It is canceled.'),
      202: json('Batch', 'It is canceled; the results of rows that run right now will be dropped.'),
      ...problems(
        'batch-not-found',
        'batch-ended',
        'batch-gone',
        'redis-unavailable',
        'not-replicated',
        'record-unreadable',
      ),
    },
  },
  async handle(exchange, ctx) {
    const id = recordIdOf(exchange, 'batch');
    const done = await ctx.withinDeadline('canceling a batch', () =>
      ctx.partitions.of(id).batches.cancel(id, visibleOwner(exchange.caller)),
    );
    ctx.log.debug('batch cancellation', () => ({ batch_id: id, request_id: exchange.requestId, now: done }));
    if (done === 'gone') throw missingRecord('batch', id, ctx.config.jobs.resultTtlMs);
    const batch = await readBatch(exchange, ctx, id);
    if (done === 'ended') {
      throw new ProblemError('batch-ended', `batch ${id} has already ended: it is ${batch.state}`);
    }
    exchange.sendJson(done === 'canceled' ? 200 : 202, presentBatch(await viewBatch(ctx, batch)));
  },
};
