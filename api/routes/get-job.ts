import { requireShareOfWaits, waitForEnd } from '../waiting/wait-for-end.js';
import { matchesEtag } from '../http/request-headers.js';
import { parsePrefer, preferenceApplied } from '../http/prefer.js';
import type { Route } from './route.js';
import { jobJson } from '../jobs/present-job.js';
import { retryAfterSeconds } from '../jobs/completion-rates.js';
import { etagOf, hasJobEnded, type JobView, pollJob, readJob } from '../jobs/job-view.js';
import { json, problems } from '../openapi/operation.js';
import { recordIdOf } from '../jobs/record-id.js';

const ANSWER_HEADERS = {
  headers: ['ETag', 'Vary', 'Cache-Control'],
  optionalHeaders: ['Retry-After', 'Preference-Applied'],
} as const;

/** `GET /jobs/{id}`: polls, and with `Prefer: wait` polls long. */
export const getJobRoute: Route = {
  method: 'get',
  path: '/jobs/{id}',
  operation: {
    id: 'getJob',
    tag: 'jobs',
    summary: 'Poll a job',
    description: '200 in every state that the job can be in: one that failed says so in its `status`.',
    parameters: ['JobId', 'Prefer', 'IfNoneMatch', 'RequestIdHeader'],
    answers: {
      200: json('Job', 'The job as it is now.', ANSWER_HEADERS),
      304: { description: 'Nothing has changed since the ETag was got.', ...ANSWER_HEADERS },
      ...problems('job-not-found', 'job-gone', 'too-many-waiting', 'redis-unavailable', 'record-unreadable'),
    },
  },
  async handle(exchange, ctx) {
    const id = recordIdOf(exchange, 'job');
    const { waitSeconds } = parsePrefer(exchange.header('prefer'));
    requireShareOfWaits(exchange, ctx.waiters, waitSeconds);
    const { view, honoured } = await waitForEnd(exchange, ctx, {
      id,
      waitSeconds,
      read: () => (waitSeconds === undefined ? pollJob : readJob)(exchange, ctx, id),
      hasEnded: hasJobEnded,
    });
    const etag = etagOf(view);
    const headers = {
      ETag: etag,
      // A browser that is given another key must not find this answer in its cache.
      Vary: exchange.caller.owner === '' ? 'Prefer' : 'Prefer, Authorization',
      'Cache-Control': cacheControl(view),
      'Retry-After': hasJobEnded(view) ? undefined : retryAfterSeconds(view.place?.etaMs),
      'Preference-Applied': preferenceApplied({ waitSeconds: honoured ? waitSeconds : undefined }),
    };
    if (matchesEtag(exchange.header('if-none-match'), etag)) exchange.send(304, undefined, headers);
    else exchange.sendJsonText(200, jobJson(view), headers);
  },
};

/** Longest that a cache may keep an ended job, in seconds. */
const LONGEST_CACHE_SECONDS = 3_600;

/** An ended job never changes again, but it goes when its record does. */
function cacheControl({ job }: JobView): string {
  if (!('expiresMs' in job)) return 'no-store';
  const leftSeconds = Math.floor((job.expiresMs - Date.now()) / 1000);
  return `private, max-age=${Math.min(Math.max(0, leftSeconds), LONGEST_CACHE_SECONDS)}`;
}
