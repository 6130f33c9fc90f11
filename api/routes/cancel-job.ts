import { visibleOwner } from '../http/caller.js';
import { ProblemError } from '../http/problem.js';
import type { Route } from './route.js';
import { jobJson } from '../jobs/present-job.js';
import { retryAfterSeconds } from '../jobs/completion-rates.js';
import { findJob } from '../jobs/job-view.js';
import { json, problems } from '../openapi/operation.js';
import { missingRecord, recordIdOf } from '../jobs/record-id.js';

/** `DELETE /jobs/{id}`: cancels. */
export const cancelJobRoute: Route = {
  method: 'delete',
  path: '/jobs/{id}',
  operation: {
    id: 'cancelJob',
    tag: 'jobs',
    summary: 'Cancel a job',
    description:
      'A queued job ends at once; one that runs ends soon, as `canceled`, whatever comes out of it.',
    parameters: ['JobId', 'RequestIdHeader'],
    answers: {
      200: json('Job', 'It was queued and is canceled.'),
      202: json('Job', 'It is running; its outcome will be dropped.', {
        headers: ['Retry-After'],
      }),
      ...problems(
        'job-not-found',
        'job-ended',
        'job-gone',
        'redis-unavailable',
        'not-replicated',
        'record-unreadable',
      ),
    },
  },
  async handle(exchange, ctx) {
    const id = recordIdOf(exchange, 'job');
    const { done, view } = await ctx.withinDeadline('canceling a job', async () => ({
      done: await ctx.partitions.of(id).jobs.cancel(id, visibleOwner(exchange.caller)),
      view: await findJob(ctx, id),
    }));
    ctx.log.debug('job cancellation', () => ({ job_id: id, request_id: exchange.requestId, now: done }));
    if (done === 'gone' || !view) throw missingRecord('job', id, ctx.config.jobs.resultTtlMs);
    if (done === 'ended') {
      throw new ProblemError('job-ended', `job ${id} has already ended: it is ${view.job.state}`);
    }
    const canceled = done === 'canceled';
    exchange.sendJsonText(canceled ? 200 : 202, jobJson(view), {
      'Retry-After': canceled ? undefined : retryAfterSeconds(view.place?.etaMs),
    });
  },
};
