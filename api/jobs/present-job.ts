import type { JobBody } from '../../shared/contract/job.js';
import { isEnded, type Job } from '../../shared/jobs/job.js';
import { rfc3339 } from '../http/rfc3339.js';
import type { JobView } from './job-view.js';

/** The body of a job. */
export function presentJob({ job, place }: JobView): JobBody {
  const self = jobPath(job.id);
  // Members follow in the order in which one reads them. Putting parts together by spreading takes twice as long.
  const body: Unfinished<JobBody> = { id: job.id, status: job.state, model: job.model };
  if ('modelVersion' in job && job.modelVersion !== undefined) body.model_version = job.modelVersion;
  body.input = job.input;
  if (job.state === 'succeeded') body.result = job.result;
  if (job.state === 'failed') body.error = job.failure;
  if (job.requestId !== undefined) body.request_id = job.requestId;
  if (job.replayOf !== undefined) body.replay_of = job.replayOf;
  body.attempts = job.attempts;
  if (place) body.queue = placeBody(place);
  body.created_at = rfc3339(job.createdMs);
  addTimes(body, job);
  const events = `${self}/events`;
  body.links = isEnded(job.state) ? { self, events } : { self, events, cancel: self };
  return body as JobBody;
}

/** Where a job is polled. */
export const jobPath = (id: string): string => `/jobs/${id}`;

/** A body of which members are still to come. */
type Unfinished<T> = { -readonly [Name in keyof T]?: T[Name] };

const placeBody = ({ position, etaMs }: NonNullable<JobView['place']>): NonNullable<JobBody['queue']> =>
  etaMs === undefined ? { position } : { position, eta_ms: etaMs };

function addTimes(body: Unfinished<JobBody>, job: Job): void {
  if (job.state === 'queued') {
    if (job.queueDeadlineMs !== undefined) body.queue_expires_at = rfc3339(job.queueDeadlineMs);
    return;
  }
  if (job.startedMs !== undefined) body.started_at = rfc3339(job.startedMs);
  if (!isEndedJob(job)) return;
  body.finished_at = rfc3339(job.finishedMs);
  body.expires_at = rfc3339(job.expiresMs);
  if (!('timings' in job) || job.timings === undefined || job.startedMs === undefined) return;
  body.timings = {
    queued_ms: round(job.startedMs - job.createdMs),
    feature_prepare_ms: job.timings.prepareMs,
    model_predict_ms: job.timings.predictMs,
    total_ms: round(job.finishedMs - job.createdMs),
    batch_size: job.timings.batchSize,
  };
}

type EndedJob = Extract<Job, { finishedMs: number }>;
const isEndedJob = (job: Job): job is EndedJob => isEnded(job.state);

/** Redis's clock counts microseconds; subtraction leaves noise behind them. */
const round = (ms: number): number => Math.round(ms * 1000) / 1000;
