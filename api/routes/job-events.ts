import { RedisUnavailableError } from '../../shared/errors.js';
import { isEnded } from '../../shared/jobs/job.js';
import { maySee } from '../admission/caller.js';
import type { EventStream } from '../waiting/event-streams.js';
import type { Exchange } from '../http/exchange.js';
import type { Route } from '../http/route.js';
import { presentJob } from '../jobs/present-job.js';
import { etagOf, type JobView, readJob } from '../jobs/job-view.js';
import { problems } from '../openapi/operation.js';
import { missingRecord, parseRecordId } from '../jobs/record-id.js';
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
  async handle(x) {
    const id = parseRecordId('job', x.param('id'));
    x.jobId = id;
    // Lined up before the first read, so that no change is missed in between.
    const follower = x.ctx.followers.register(id);
    let stream: EventStream | undefined;
    try {
      const view = await read(x, id);
      if (!view || !maySee(x.caller, view.job)) {
        throw missingRecord('job', id, x.ctx.config.jobs.resultTtlMs);
      }
      const known = x.header('last-event-id');
      if (isEnded(view.job.state) && eventId(view) === known) {
        x.send(204, undefined, {});
        return;
      }
      stream = x.ctx.streams.open(x);
      x.response.once('close', () => follower?.end());
      if (follower) await follow(x, { stream, follower, view, known });
    } finally {
      stream?.end();
      follower?.leave();
    }
  },
};

async function follow(
  x: Exchange,
  {
    stream,
    follower,
    view,
    known,
  }: { stream: EventStream; follower: Waiter; view: JobView; known?: string | undefined },
): Promise<void> {
  let now: JobView | undefined = view;
  let last = known;
  while (now) {
    const id = eventId(now);
    if (id !== last) stream.send({ event: 'status', id, data: JSON.stringify(presentJob(now)) });
    last = id;
    if (isEnded(now.job.state) || follower.isOver || !stream.isOpen) return;
    // Places in the queue are not announced.
    await follower.sleep(x.ctx.limits.rereadMs);
    now = await readOr(x, follower.id, now);
  }
}

/** What was read before while Redis is away: the stream goes on when it is back. */
async function readOr(x: Exchange, id: string, before: JobView): Promise<JobView | undefined> {
  try {
    return await read(x, id);
  } catch (error) {
    if (error instanceof RedisUnavailableError) return before;
    throw error;
  }
}

const read = (x: Exchange, id: string): Promise<JobView | undefined> =>
  x.ctx.withinDeadline('reading a job', () => readJob(x.ctx, id));

/** Without the quotes and the mark of an ETag, which have no meaning here. */
const eventId = (view: JobView): string => etagOf(view).replaceAll(/^W\/|"/g, '');
