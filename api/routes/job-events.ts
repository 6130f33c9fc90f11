import { RedisUnavailableError } from '../../shared/errors.js';
import type { ApiContext } from '../context.js';
import type { EventStream } from '../waiting/event-streams.js';
import type { Exchange } from '../http/exchange.js';
import type { Route } from './route.js';
import { jobJson } from '../jobs/present-job.js';
import { hasJobEnded, type JobView, readJob } from '../jobs/job-view.js';
import { problems } from '../openapi/operation.js';
import { recordIdOf } from '../jobs/record-id.js';
import type { Waiter } from '../waiting/waiters.js';

/** `GET /jobs/{id}/events`: the states of a job as it goes through them. */
export const jobEventsRoute: Route = {
  method: 'get',
  path: '/jobs/{id}/events',
  operation: {
    id: 'followJob',
    tag: 'jobs',
    summary: 'Follow a job',
    description:
      'Server-sent events: `event: status` with the job as data, at once and with every change, until it has ended. ' +
      'A client that comes back with the `Last-Event-ID` of the end is answered with 204, so that it stays away.',
    parameters: ['JobId', 'LastEventId', 'RequestIdHeader'],
    answers: {
      200: { description: 'The stream.', content: { 'text/event-stream': { type: 'string' } } },
      204: { description: 'The job has ended, and the client knows.' },
      ...problems(
        'job-not-found',
        'job-gone',
        'redis-unavailable',
        'record-unreadable',
        'too-many-streams',
        'streams-full',
        'draining',
      ),
    },
  },
  async handle(exchange, ctx) {
    const id = recordIdOf(exchange, 'job');
    // Registered before the first read, so that no change in between is missed.
    const follower = ctx.followers.register(id);
    let stream: EventStream | undefined;
    try {
      const view = await readJob(exchange, ctx, id);
      const known = exchange.header('last-event-id');
      if (hasJobEnded(view) && eventId(view) === known) {
        exchange.send(204, undefined, {});
        return;
      }
      stream = ctx.streams.open(exchange);
      exchange.response.once('close', () => follower?.end());
      if (follower) await follow(exchange, ctx, { stream, follower, view, known });
    } finally {
      stream?.end();
      follower?.leave();
    }
  },
};

async function follow(
  exchange: Exchange,
  ctx: ApiContext,
  {
    stream,
    follower,
    view,
    known,
  }: { stream: EventStream; follower: Waiter; view: JobView; known?: string | undefined },
): Promise<void> {
  let now = view;
  let last = known;
  for (;;) {
    const id = eventId(now);
    if (id !== last) stream.send({ event: 'status', id, data: jobJson(now) });
    last = id;
    if (hasJobEnded(now) || follower.isOver || !stream.isOpen) return;
    // Places in the queue are not announced, so the job is read again after a while, too.
    await follower.sleep(ctx.limits.rereadMs);
    try {
      now = await readJob(exchange, ctx, follower.id);
    } catch (error) {
      // The stream goes on once Redis is back.
      if (!(error instanceof RedisUnavailableError)) throw error;
    }
  }
}

/** Changes with every member of a job but the estimate of time. */
const eventId = ({ job, place }: JobView): string =>
  `${job.state}-${job.attempts}-${'finishedMs' in job ? job.finishedMs : (place?.position ?? '')}`;
