import type { JobList } from '../../shared/contract/job.js';
import { listJobs } from '../../shared/jobs/job-list.js';
import { visibleOwner } from '../admission/caller.js';
import { formatCursor } from '../jobs/cursor.js';
import type { Route } from '../http/route.js';
import { presentJob } from '../jobs/present-job.js';
import { viewJob } from '../jobs/job-view.js';
import { parseListQuery } from '../jobs/list-query.js';
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
      200: json('JobList', 'A page.', { headers: ['Cache-Control'] }),
      ...problems('validation-failed', 'too-many-waiting', 'redis-unavailable', 'record-unreadable'),
    },
  },
  async handle(x) {
    const { states, model, requestId, limit, after } = parseListQuery(x.query());
    const filter = {
      owner: visibleOwner(x.caller),
      states,
      ...(model === undefined ? {} : { model }),
      ...(requestId === undefined ? {} : { requestId }),
    };
    const { views, next } = await x.ctx.listTurns.run(x, 'listing jobs', async (signal) => {
      const page = await listJobs(x.ctx.records, filter, { limit, after, signal });
      return { views: await Promise.all(page.found.map((job) => viewJob(x.ctx, job))), next: page.next };
    });
    const list: JobList = { jobs: views.map(presentJob), next_cursor: next ? formatCursor(next) : null };
    x.sendJson(200, list);
  },
};
