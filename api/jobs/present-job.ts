import type { JobBody } from '../../shared/contract/job.js';
import { isEnded, type Job } from '../../shared/jobs/job.js';
import { rfc3339, rfc3339Of } from '../http/rfc3339.js';
import type { JobView } from './job-view.js';

/** The body of a job. One literal: to spread parts into it takes twice as long. */
export function presentJob({ job, place }: JobView): JobBody {
  const self = jobPath(job.id);
  const ran = job.state === 'succeeded' || job.state === 'failed' ? job : undefined;
  const ended = isEndedJob(job) ? job : undefined;
  return {
    id: job.id,
    status: job.state,
    model: job.model,
    model_version: ran?.modelVersion,
    input: job.input,
    result: job.state === 'succeeded' ? job.result : undefined,
    error: job.state === 'failed' ? job.failure : undefined,
    request_id: job.requestId,
    replay_of: job.replayOf,
    attempts: job.attempts,
    queue: placeOf(place, job.state === 'queued' ? job.startsMs : undefined),
    created_at: rfc3339(job.createdMs),
    started_at: job.state === 'queued' ? undefined : rfc3339Of(job.startedMs),
    finished_at: rfc3339Of(ended?.finishedMs),
    queue_expires_at: job.state === 'queued' ? rfc3339Of(job.queueDeadlineMs) : undefined,
    expires_at: rfc3339Of(ended?.expiresMs),
    timings: ran && timingsOf(ran),
    links: { self, events: `${self}/events`, cancel: ended ? undefined : self },
  };
}

/** Its place in the queue, or the time from which on it has one. */
function placeOf(place: JobView['place'], startsMs: number | undefined): JobBody['queue'] {
  if (startsMs !== undefined) return { starts_at: rfc3339(startsMs) };
  return place && { position: place.position, eta_ms: place.etaMs };
}

/** Where a job is polled. */
export const jobPath = (id: string): string => `/jobs/${id}`;

type EndedJob = Extract<Job, { finishedMs: number }>;
const isEndedJob = (job: Job): job is EndedJob => isEnded(job.state);

function timingsOf({
  timings,
  createdMs,
  startedMs,
  finishedMs,
}: Extract<Job, { state: 'succeeded' | 'failed' }>): JobBody['timings'] {
  if (timings === undefined || startedMs === undefined) return undefined;
  return {
    queued_ms: round(startedMs - createdMs),
    feature_prepare_ms: timings.prepareMs,
    model_predict_ms: timings.predictMs,
    total_ms: round(finishedMs - createdMs),
    batch_size: timings.batchSize,
  };
}

/** Redis's clock counts microseconds; subtraction leaves noise behind them. */
const round = (ms: number): number => Math.round(ms * 1000) / 1000;
