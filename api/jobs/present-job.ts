import { type Failure, isInputApart, type Job, type RunTimings } from '../../shared/jobs/job.js';
import { rfc3339 } from '../http/rfc3339.js';
import type { JobView } from './job-view.js';

/**
 * The body of a job, a `JobBody` of shared/contract/job.ts, as text. Input and result are JSON already: they are copied as
 * they are, which costs a third of parsing them and writing them again.
 */
export function jobJson({ job, place }: JobView): string {
  const self = jobPath(job.id);
  return (
    `{"id":"${job.id}","status":"${job.state}","model":"${job.model}"` +
    outcomeOf(job) +
    (job.requestId === undefined ? '' : `,"request_id":${JSON.stringify(job.requestId)}`) +
    (job.replayOf === undefined ? '' : `,"replay_of":"${job.replayOf}"`) +
    `,"attempts":${job.attempts}` +
    (job.state === 'queued' ? placeOf(place, job.startsMs) : '') +
    `,"created_at":"${rfc3339(job.createdMs)}"` +
    timesOf(job) +
    `,"links":{"self":"${self}","events":"${self}/events"${isInputApart(job) ? `,"input":"${self}/input"` : ''}` +
    ('finishedMs' in job ? '}}' : `,"cancel":"${self}"}}`)
  );
}

/** Where a job is polled. */
export const jobPath = (id: string): string => `/jobs/${id}`;

function outcomeOf(job: Job): string {
  const input = job.inputJson === undefined ? '' : `,"input":${job.inputJson}`;
  if (job.state !== 'succeeded' && job.state !== 'failed') return input;
  const version =
    job.modelVersion === undefined ? '' : `,"model_version":${JSON.stringify(job.modelVersion)}`;
  return (
    version +
    input +
    (job.state === 'succeeded' ? `,"result":${job.resultJson}` : `,"error":${failureJson(job.failure)}`)
  );
}

const failureJson = ({ code, message }: Failure): string =>
  `{"code":"${code}","message":${JSON.stringify(message)}}`;

/** Its place in the queue, or the time from which on it has one. */
function placeOf(place: JobView['place'], startsMs: number | undefined): string {
  if (startsMs !== undefined) return `,"queue":{"starts_at":"${rfc3339(startsMs)}"}`;
  if (!place) return '';
  const eta = place.etaMs === undefined ? '' : `,"eta_ms":${place.etaMs}`;
  const estimate = place.isEstimate ? ',"is_estimate":true' : '';
  return `,"queue":{"position":${place.position}${estimate}${eta}}`;
}

function timesOf(job: Job): string {
  if (job.state === 'queued') {
    const { queueDeadlineMs } = job;
    return queueDeadlineMs === undefined ? '' : `,"queue_expires_at":"${rfc3339(queueDeadlineMs)}"`;
  }
  const started = job.startedMs === undefined ? '' : `,"started_at":"${rfc3339(job.startedMs)}"`;
  if (!('finishedMs' in job)) return started;
  const ended = `,"finished_at":"${rfc3339(job.finishedMs)}","expires_at":"${rfc3339(job.expiresMs)}"`;
  const hasRun = job.state === 'succeeded' || job.state === 'failed';
  const timings = hasRun && job.timings ? timingsOf(job, job.timings) : '';
  return started + ended + timings;
}

function timingsOf(
  {
    createdMs,
    startedMs,
    finishedMs,
  }: { createdMs: number; startedMs?: number | undefined; finishedMs: number },
  { prepareMs, predictMs, batchSize }: RunTimings,
): string {
  if (startedMs === undefined) return '';
  return (
    `,"timings":{"queued_ms":${round(startedMs - createdMs)},"feature_prepare_ms":${prepareMs},` +
    `"model_predict_ms":${predictMs},"total_ms":${round(finishedMs - createdMs)},"batch_size":${batchSize}}`
  );
}

/** Redis's clock counts microseconds; subtraction leaves noise behind them. */
const round = (ms: number): number => Math.round(ms * 1000) / 1000;
