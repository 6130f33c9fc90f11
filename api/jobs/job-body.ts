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
    model: Type.String({ description: 'Name of the model that it asks.' }),
    model_version: Type.Optional(Type.String({ description: 'Of the model that made the outcome.' })),
    input: Type.Record(Type.String(), Type.Unknown(), { description: 'As it was submitted.' }),
    result: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'The outputs of the model, once succeeded.',
      }),
    ),
    error: Type.Optional(
      Type.Object(
        {
          code: Type.Unsafe<(typeof FAILURE_CODES)[number]>({
            type: 'string',
            enum: [...FAILURE_CODES],
            description: 'The kind of failure.',
          }),
          message: Type.String({ description: 'What happened, for people.' }),
        },
        { additionalProperties: false, description: 'Why it failed, once failed.' },
      ),
    ),
    request_id: Type.Optional(Type.String({ description: "The client's own name for the request." })),
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
      {
        self: Type.String({ description: 'GET polls it.' }),
        events: Type.String({ description: 'GET streams its changes.' }),
        cancel: Type.Optional(Type.String({ description: 'DELETE cancels it. Absent once it has ended.' })),
      },
      { additionalProperties: false, description: 'Where it is, relative to the service.' },
    ),
  },
  {
    additionalProperties: false,
    description: 'A prediction, as it is now. Members that do not apply are absent.',
  },
);
export type JobBody = Static<typeof JobBody>;

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
