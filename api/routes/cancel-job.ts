import { visibleOwner } from '../admission/caller.js';
import { ProblemError } from '../http/problem.js';
import type { Route } from '../http/route.js';
import { presentJob } from '../jobs/present-job.js';
import { readJob, retryAfterSeconds } from '../jobs/job-view.js';
import { json, problems } from '../openapi/operation.js';
import { missingRecord, parseRecordId } from '../jobs/record-id.js';

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
      200: json('Job', 'It was queued and is canceled.', { headers: ['Cache-Control'] }),
      202: json('Job', 'It is running; its outcome will be dropped.', {
        headers: ['Cache-Control', 'Retry-After'],
      }),
      ...problems('job-not-found', 'job-ended', 'job-gone', 'redis-unavailable', 'record-unreadable'),
    },
  },
  async handle(x) {
    const id = parseRecordId('job', x.param('id'));
    x.jobId = id;
    const { done, view } = await x.ctx.withinDeadline('canceling a job', async () => ({
      done: await x.ctx.jobs.cancel(id, visibleOwner(x.caller)),
      view: await readJob(x.ctx, id),
    }));
    x.ctx.log.debug('job cancellation', { job_id: id, request_id: x.requestId, now: done });
    if (done === 'gone' || !view) throw missingRecord('job', id, x.ctx.config.jobs.resultTtlMs);
    if (done === 'ended') {
      throw new ProblemError('job-ended', `job ${id} has already ended: it is ${view.job.state}`);
    }
    const canceled = done === 'canceled';
    x.sendJson(canceled ? 200 : 202, presentJob(view), {
      'Retry-After': canceled ? undefined : retryAfterSeconds(view),
    });
  },
};
