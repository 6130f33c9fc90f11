import { listJobs } from '../../shared/jobs/job-list.js';
import { visibleOwner } from '../http/caller.js';
import type { Route } from './route.js';
import { jobJson } from '../jobs/present-job.js';
import { viewJob } from '../jobs/job-view.js';
import { formatCursor, parseListQuery } from '../jobs/list-query.js';
import { json, problems } from '../openapi/operation.js';

/** `GET /jobs`: lists, newest first. */
export const listJobsRoute: Route = {
  method: 'get',
  path: '/jobs',
  operation: {
    id: 'listJobs',
    tag: 'jobs',
    summary: 'List jobs, newest first',
    description:
      'Those of the caller; an admin sees those of all. Several parameters narrow the list together.',
    parameters: ['Status', 'Model', 'RequestId', 'Limit', 'Cursor', 'RequestIdHeader'],
    answers: {
      200: json('JobList', 'A page.'),
      ...problems('validation-failed', 'too-many-waiting', 'redis-unavailable', 'record-unreadable'),
    },
  },
  async handle(exchange, ctx) {
    const { states, model, requestId, limit, after } = parseListQuery(exchange.query());
    const filter = { owner: visibleOwner(exchange.caller), states, model, requestId };
    const { views, next, missing } = await ctx.listTurns.run(exchange, 'listing jobs', async (signal) => {
      const page = await ctx.partitions.page({ limit, after, signal }, (partition, wish) =>
        listJobs(partition, filter, wish),
      );
      return { ...page, views: await Promise.all(page.found.map((job) => viewJob(ctx, job))) };
    });
    const away = missing.length > 0 ? `,"missing_partitions":${JSON.stringify(missing)}` : '';
    const cursor = next ? JSON.stringify(formatCursor(next)) : 'null';
    exchange.sendJsonText(200, `{"jobs":[${views.map(jobJson).join(',')}],"next_cursor":${cursor}${away}}`);
  },
};
