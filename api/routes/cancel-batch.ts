import { presentBatch } from '../batches/present-batch.js';
import { readBatch, viewBatch } from '../batches/batch-view.js';
import { visibleOwner } from '../admission/caller.js';
import { ProblemError } from '../http/problem.js';
import type { Route } from '../http/route.js';
import { json, problems } from '../openapi/operation.js';
import { missingRecord, parseRecordId } from '../jobs/record-id.js';

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
      200: json('Batch', 'It is canceled.', { headers: ['Cache-Control'] }),
      202: json('Batch', 'It is canceled; the results of rows that run right now will be dropped.', {
        headers: ['Cache-Control'],
      }),
      ...problems('batch-not-found', 'batch-ended', 'batch-gone', 'redis-unavailable', 'record-unreadable'),
    },
  },
  async handle(x) {
    const id = parseRecordId('batch', x.param('id'));
    const done = await x.ctx.withinDeadline('canceling a batch', () =>
      x.ctx.batches.cancel(id, visibleOwner(x.caller)),
    );
    x.ctx.log.debug('batch cancellation', { batch_id: id, request_id: x.requestId, now: done });
    if (done === 'gone') throw missingRecord('batch', id, x.ctx.config.jobs.resultTtlMs);
    const batch = await readBatch(x, id);
    if (done === 'ended') {
      throw new ProblemError('batch-ended', `batch ${id} has already ended: it is ${batch.state}`);
    }
    x.sendJson(done === 'canceled' ? 200 : 202, presentBatch(await viewBatch(x, batch)));
  },
};
