import { type Static, Type } from '../../shared/validation/schema.js';
import { FAILURE_CODES, isEnded, JOB_STATES, type Job, type JobState } from '../../shared/jobs/job.js';
import { rfc3339 } from '../http/rfc3339.js';
import type { JobView } from './job-view.js';

const Time = (description: string) => Type.String({ format: 'date-time', description });
const Ms = (description: string) => Type.Number({ minimum: 0, description: `${description}, in ms.` });

const Timings = Type.Object(
  {
    queued_ms: Ms('From acceptance to the start of the last attempt'),
    feature_prepare_ms: Ms('Turning the micro-batch into columns'),
    model_predict_ms: Ms('The model, on the whole micro-batch'),
    total_ms: Ms('From acceptance to the end'),
    batch_size: Type.Integer({ minimum: 1, description: 'Jobs that shared the run.' }),
  },
  { additionalProperties: false, description: 'What the run that ended the job took.' },
);

/** A job as clients see it. Members that do not apply yet are absent. */
export const JobBody = Type.Object(
  {
    id: Type.String({ format: 'uuid', description: 'UUIDv7.' }),
    status: Type.Unsafe<JobState>({
      type: 'string',
      enum: [...JOB_STATES],
      description: 'The last four are final.',
    }),
    model: Type.String(),
    model_version: Type.Optional(Type.String({ description: 'Of the model that made the outcome.' })),
    input: Type.Record(Type.String(), Type.Unknown()),
    result: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'The outputs of the model, once succeeded.',
      }),
    ),
    error: Type.Optional(
      Type.Object(
        {
          code: Type.Unsafe<(typeof FAILURE_CODES)[number]>({ type: 'string', enum: [...FAILURE_CODES] }),
          message: Type.String(),
        },
        { additionalProperties: false, description: 'Why it failed, once failed.' },
      ),
    ),
    request_id: Type.Optional(Type.String()),
    replay_of: Type.Optional(
      Type.String({ format: 'uuid', description: 'The job that this one runs again.' }),
    ),
    attempts: Type.Integer({ minimum: 0, description: 'Attempts begun and not given back.' }),
    queue: Type.Optional(
      Type.Object(
        {
          position: Type.Integer({ minimum: 1, description: '1: the next to be taken.' }),
          eta_ms: Type.Optional(
            Type.Integer({ minimum: 0, description: 'Absent while no job has ended lately to measure by.' }),
          ),
        },
        { additionalProperties: false, description: 'Its place, while queued.' },
      ),
    ),
    created_at: Time('When it was accepted.'),
    started_at: Type.Optional(Time('When its last attempt began.')),
    finished_at: Type.Optional(Time('When it ended.')),
    queue_expires_at: Type.Optional(Time('While queued: when it will expire unless it has begun.')),
    expires_at: Type.Optional(Time('Once ended: when its record goes.')),
    timings: Type.Optional(Timings),
    links: Type.Object(
      { self: Type.String(), events: Type.String(), cancel: Type.String() },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);
export type JobBody = Static<typeof JobBody>;

/** The body of a job. */
export function presentJob({ job, place }: JobView): JobBody {
  const self = jobPath(job.id);
  return {
    id: job.id,
    status: job.state,
    model: job.model,
    input: job.input,
    ...outcomeOf(job),
    ...(job.requestId === undefined ? {} : { request_id: job.requestId }),
    ...(job.replayOf === undefined ? {} : { replay_of: job.replayOf }),
    attempts: job.attempts,
    ...(place
      ? { queue: { position: place.position, ...(place.etaMs === undefined ? {} : { eta_ms: place.etaMs }) } }
      : {}),
    created_at: rfc3339(job.createdMs),
    ...timesOf(job),
    links: { self, events: `${self}/events`, cancel: self },
  };
}

/** Where a job is polled. */
export const jobPath = (id: string): string => `/jobs/${id}`;

function outcomeOf(job: Job): Partial<JobBody> {
  if (job.state !== 'succeeded' && job.state !== 'failed') return {};
  return {
    ...(job.modelVersion === undefined ? {} : { model_version: job.modelVersion }),
    ...(job.state === 'succeeded' ? { result: job.result } : { error: job.failure }),
  };
}

function timesOf(job: Job): Partial<JobBody> {
  if (job.state === 'queued') {
    return job.queueDeadlineMs === undefined ? {} : { queue_expires_at: rfc3339(job.queueDeadlineMs) };
  }
  const started = job.startedMs === undefined ? {} : { started_at: rfc3339(job.startedMs) };
  if (!isEndedJob(job)) return started;
  return {
    ...started,
    finished_at: rfc3339(job.finishedMs),
    expires_at: rfc3339(job.expiresMs),
    ...timingsOf(job),
  };
}

type EndedJob = Extract<Job, { finishedMs: number }>;
const isEndedJob = (job: Job): job is EndedJob => isEnded(job.state);

function timingsOf(job: EndedJob): Partial<JobBody> {
  if (!('timings' in job) || job.timings === undefined || job.startedMs === undefined) return {};
  return {
    timings: {
      queued_ms: round(job.startedMs - job.createdMs),
      feature_prepare_ms: job.timings.prepareMs,
      model_predict_ms: job.timings.predictMs,
      total_ms: round(job.finishedMs - job.createdMs),
      batch_size: job.timings.batchSize,
    },
  };
}

/** Redis's clock counts microseconds; subtraction leaves noise behind them. */
const round = (ms: number): number => Math.round(ms * 1000) / 1000;
