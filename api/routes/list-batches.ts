import type { BatchList } from '../../shared/contract/batch.js';
import { presentBatch } from '../batches/present-batch.js';
import { readQuery, readWhole } from '../http/query.js';
import { viewBatch } from '../batches/batch-view.js';
import { visibleOwner } from '../http/caller.js';
import { formatCursor, PAGE_LIMIT, readCursor } from '../jobs/list-query.js';
import type { Route } from './route.js';
import { json, problems } from '../openapi/operation.js';

/** `GET /batches`: lists, newest first. */
export const listBatchesRoute: Route = {
  method: 'get',
  path: '/batches',
  operation: {
    id: 'listBatches',
    tag: 'batches',
    summary: 'List batches, newest first',
    description: 'Those of the caller; an admin sees those of all.',
    parameters: ['Limit', 'Cursor', 'RequestIdHeader'],
    answers: {
      200: json('BatchList', 'A page.'),
      ...problems('validation-failed', 'too-many-waiting', 'redis-unavailable', 'record-unreadable'),
    },
  },
  async handle(exchange, ctx) {
    const { limit = PAGE_LIMIT.unlessGiven, cursor } = readQuery<{
      limit: number;
      cursor: ReturnType<typeof readCursor>;
    }>(exchange.query(), {
      limit: readWhole(1, PAGE_LIMIT.most),
      cursor: readCursor,
    });
    const page = await ctx.listTurns.run(exchange, 'listing batches', async (signal) => {
      const owner = visibleOwner(exchange.caller);
      const found = await ctx.partitions.page({ limit, after: cursor, signal }, ({ batches }, wish) =>
        batches.list(owner, wish),
      );
      return { ...found, views: await Promise.all(found.found.map((batch) => viewBatch(ctx, batch))) };
    });
    const list: BatchList = {
      batches: page.views.map(presentBatch),
      next_cursor: page.next ? formatCursor(page.next) : null,
      missing_partitions: page.missing.length > 0 ? page.missing : undefined,
    };
    exchange.sendJson(200, list);
  },
};
