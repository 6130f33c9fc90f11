import { ProblemError } from '../http/problem.js';
import type { Route } from './route.js';
import { readInput, readJob } from '../jobs/job-view.js';
import { problems } from '../openapi/operation.js';
import { recordIdOf } from '../jobs/record-id.js';

/** `GET /jobs/{id}/input`: what a job was submitted with. */
export const jobInputRoute: Route = {
  method: 'get',
  path: '/jobs/{id}/input',
  operation: {
    id: 'getJobInput',
    tag: 'jobs',
    summary: 'Read the input of a job',
    description: 'Where a job has the link `input`, and of any job that has its input in itself.',
    parameters: ['JobId', 'RequestIdHeader'],
    answers: {
      200: {
        description: 'The input as it was submitted.',
        content: { 'application/json': { type: 'object', additionalProperties: true } },
        headers: ['Cache-Control'],
      },
      ...problems('job-not-found', 'job-gone', 'input-not-kept', 'redis-unavailable', 'record-unreadable'),
    },
  },
  async handle(exchange, ctx) {
    const { job } = await readJob(exchange, ctx, recordIdOf(exchange, 'job'));
    const input = await readInput(ctx, job);
    if (input === undefined) {
      throw new ProblemError('input-not-kept', `the input of job ${job.id} is not kept any more`);
    }
    exchange.sendJsonText(200, input);
  },
};
