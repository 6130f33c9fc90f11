import { type Static, Type } from '../validation/schema.js';
import {
  amount,
  closed,
  count,
  listOf,
  missingPartitions,
  moment,
  nextCursor,
  ref,
  text,
  word,
} from './parts.js';
import type { ProblemBody } from './problem.js';
import { FAILURE_CODES, JOB_STATES } from './states.js';

const ms = (description: string) => amount(`${description}, in ms.`);

/** A job as clients see it. Members that do not apply yet are absent. */
export const JobBody = closed(
  {
    id: Type.String({ format: 'uuid', description: 'UUIDv7.' }),
    status: word(JOB_STATES, 'The last four are final.'),
    model: text('Name of the model that it asks.'),
    model_version: Type.Optional(text('Of the model that made the outcome.')),
    input: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description:
          'As it was submitted; absent where it is above 4 KB, or where the service keeps no inputs.',
      }),
    ),
    result: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'The outputs of the model, once succeeded.',
      }),
    ),
    error: Type.Optional(
      closed(
        {
          code: word(FAILURE_CODES, 'The kind of failure.'),
          message: text('What happened, for people.'),
        },
        'Why it failed, once failed.',
      ),
    ),
    request_id: Type.Optional(text("The client's own name for the request.")),
    replay_of: Type.Optional(
      Type.String({ format: 'uuid', description: 'The job that this one runs again.' }),
    ),
    attempts: count('Attempts begun and not given back.'),
    queue: Type.Optional(
      closed(
        {
          position: Type.Optional(
            Type.Integer({ minimum: 1, description: '1: the next to be taken, if nothing more comes.' }),
          ),
          is_estimate: Type.Optional(
            Type.Literal(true, {
              description: 'The position is estimated from its place in one of several partitions.',
            }),
          ),
          eta_ms: Type.Optional(count('Absent while no job has ended lately to measure by.')),
          starts_at: Type.Optional(moment('It is not run earlier; it has a position from then on.')),
        },
        'Its place, while queued.',
      ),
    ),
    created_at: moment('When it was accepted.'),
    started_at: Type.Optional(moment('When its last attempt began.')),
    finished_at: Type.Optional(moment('When it ended.')),
    queue_expires_at: Type.Optional(moment('While queued: when it will expire unless it has begun.')),
    expires_at: Type.Optional(moment('Once ended: when its record goes.')),
    timings: Type.Optional(
      closed(
        {
          queued_ms: ms('From acceptance to the start of the last attempt'),
          feature_prepare_ms: ms('Turning the micro-batch into columns'),
          model_predict_ms: ms('The model, on the whole micro-batch'),
          total_ms: ms('From acceptance to the end'),
          batch_size: Type.Integer({ minimum: 1, description: 'Jobs that shared the run.' }),
        },
        'What the run that ended the job took.',
      ),
    ),
    links: closed(
      {
        self: text('GET polls it.'),
        events: text('GET streams its changes.'),
        input: Type.Optional(text('GET reads the input, where it is kept and is not in the job itself.')),
        cancel: Type.Optional(text('DELETE cancels it. Absent once it has ended.')),
      },
      'Where it is, relative to the service.',
    ),
  },
  'A prediction, as it is now. Members that do not apply are absent.',
);
export type JobBody = Static<typeof JobBody>;

/** What became of the entries of a request for many jobs. */
export const SubmittedJobs = closed(
  {
    jobs: Type.Array(Type.Unsafe<JobBody | ProblemBody>({ anyOf: [ref('Job'), ref('Problem')] }), {
      description: 'Of each entry, in order: its job, or the problem that it would have alone.',
    }),
  },
  'What became of many jobs.',
);
export type SubmittedJobs = Static<typeof SubmittedJobs>;

/** A page of jobs. */
export const JobList = closed(
  {
    jobs: listOf<JobBody>('Job', 'Newest first.'),
    next_cursor: nextCursor,
    missing_partitions: missingPartitions,
  },
  'A page of jobs.',
);
export type JobList = Static<typeof JobList>;
