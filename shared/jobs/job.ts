import type { JobBody } from '../contract/job.js';
import { type EndedJobState, FAILURE_CODES, JOB_STATES, type JobState } from '../contract/states.js';
import { RecordSchemaError } from '../errors.js';
import type { RedisReply } from '../redis/redis.js';

/** The way from state to state. A retry or a release leads back from `running` to `queued`. */
export const NEXT_STATES = {
  queued: ['running', 'failed', 'canceled', 'expired'],
  running: ['queued', 'succeeded', 'failed', 'canceling'],
  canceling: ['canceled'],
  succeeded: [],
  failed: [],
  canceled: [],
  expired: [],
} as const satisfies Record<JobState, readonly JobState[]> & Record<EndedJobState, readonly []>;

/** Whether a job in this state has ended. */
export const isEnded = (state: JobState): boolean => NEXT_STATES[state].length === 0;

/** A failure as clients see it. */
export type Failure = NonNullable<JobBody['error']>;

/** Durations of the run that ended a job, in ms, and the number of jobs that shared it. */
export interface RunTimings {
  prepareMs: number;
  predictMs: number;
  batchSize: number;
}

interface JobBase {
  id: string;
  model: string;
  queue: string;
  /** Empty when callers are not told apart. */
  owner: string;
  input: Record<string, unknown>;
  requestId?: string | undefined;
  /** Longest one attempt may run. */
  timeoutMs: number;
  maxAttempts: number;
  /** Attempts that count: those that began and were not given back by a release. */
  attempts: number;
  createdMs: number;
  replayOf?: string | undefined;
}

interface Ended {
  finishedMs: number;
  /** Time at which the record expires. */
  expiresMs: number;
  startedMs?: number;
}

interface Ran {
  modelVersion?: string;
  timings?: RunTimings;
}

/** A job as its record has it. Times are Unix milliseconds of Redis's clock, with microseconds as decimals. */
export type Job = JobBase &
  (
    | { state: 'queued'; queueDeadlineMs?: number | undefined }
    | { state: 'running' | 'canceling'; startedMs: number }
    | ({ state: 'succeeded'; result: Record<string, unknown> } & Ended & Ran)
    | ({ state: 'failed'; failure: Failure } & Ended & Ran)
    | ({ state: 'canceled' | 'expired' } & Ended)
  );

/** Version of the record layout; a record of another version is refused, never half-read. */
export const RECORD_SCHEMA = 1;

/** Fields of the hash that {@link parseJob} reads. */
const JOB_FIELDS = [
  'schema',
  'status',
  'model',
  'queue',
  'owner',
  'input',
  'request_id',
  'timeout_ms',
  'max_attempts',
  'attempts',
  'created_ms',
  'replay_of',
  'queue_deadline_ms',
  'started_ms',
  'finished_ms',
  'expires_ms',
  'result',
  'error_code',
  'error_message',
  'model_version',
  'prepare_ms',
  'predict_ms',
  'batch_size',
] as const;

type Field = (typeof JOB_FIELDS)[number];
/** Reads one field of a record; undefined where the record lacks it. */
type Fields = (name: Field) => string | undefined;

const PLACES: ReadonlyMap<unknown, number> = new Map(JOB_FIELDS.map((field, place) => [field, place]));
const PLACE_OF = Object.fromEntries(PLACES) as Record<Field, number>;

/**
 * The command that reads a job. One pass over the record: asking for two dozen fields by name would make Redis search for
 * each of them from the start, since a record is small enough to be kept as one piece.
 */
export const readJobCommand = (recordKey: string): string[] => ['HGETALL', recordKey];

/** Reads the reply to {@link readJobCommand}. Undefined when there is no such record. */
export function parseJob(id: string, reply: RedisReply): Job | undefined {
  const field = fieldsOf(Array.isArray(reply) ? reply : []);
  const schema = field('schema');
  if (schema === undefined) return undefined;
  if (schema !== String(RECORD_SCHEMA)) {
    throw new RecordSchemaError(`the record of job ${id}`, schema, RECORD_SCHEMA);
  }
  return Object.assign(baseOf(id, field), stateOf(field));
}

/** The outcome of a job whose submitter waits: its id, then names and values of fields of its record in turn. */
export interface JobOutcome {
  id: string;
  words: readonly string[];
}

/** Reads a message of a process' channel: the outcomes of jobs for which requests of that process wait. */
export function parseOutcomes(message: string): JobOutcome[] {
  const lists: unknown = JSON.parse(message);
  return (Array.isArray(lists) ? lists : []).map((list: unknown) => {
    const [id = '', ...words] = Array.isArray(list) ? list.map(String) : [];
    return { id, words };
  });
}

/** The record of a job that was queued, with an outcome added. */
export function endJob(queued: Job, { words }: JobOutcome): Job {
  const field = fieldsOf(words);
  const { id, model, queue, owner, input, timeoutMs, maxAttempts, createdMs, requestId, replayOf } = queued;
  const attempts = Number(field('attempts'));
  const base: JobBase = { id, model, queue, owner, input, timeoutMs, maxAttempts, attempts, createdMs };
  if (requestId !== undefined) base.requestId = requestId;
  if (replayOf !== undefined) base.replayOf = replayOf;
  return Object.assign(base, stateOf(field));
}

/** Every poll reads a record with this: building an object of only the fields that are present takes three times as long. */
function fieldsOf(flat: readonly RedisReply[]): Fields {
  const values = Array.from<RedisReply | undefined>({ length: JOB_FIELDS.length });
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const place = PLACES.get(flat[i]);
    if (place !== undefined) values[place] = flat[i + 1];
  }
  return (name) => {
    const value = values[PLACE_OF[name]];
    return typeof value === 'string' ? value : undefined;
  };
}

function baseOf(id: string, field: Fields): JobBase {
  const base: JobBase = {
    id,
    model: field('model') ?? '',
    queue: field('queue') ?? '',
    owner: field('owner') ?? '',
    input: objectOf(field('input')),
    timeoutMs: Number(field('timeout_ms')),
    maxAttempts: Number(field('max_attempts')),
    attempts: Number(field('attempts')),
    createdMs: Number(field('created_ms')),
  };
  const requestId = field('request_id');
  if (requestId !== undefined) base.requestId = requestId;
  const replayOf = field('replay_of');
  if (replayOf !== undefined) base.replayOf = replayOf;
  return base;
}

function stateOf(field: Fields) {
  const status = field('status');
  const state = JOB_STATES.find((known) => known === status);
  switch (state) {
    case 'queued': {
      const deadline = field('queue_deadline_ms');
      return deadline === undefined ? { state } : { state, queueDeadlineMs: Number(deadline) };
    }
    case 'running':
    case 'canceling':
      return { state, startedMs: Number(field('started_ms')) };
    case 'succeeded':
      return Object.assign(endOf(field), runOf(field), { state, result: objectOf(field('result')) });
    case 'failed':
      return Object.assign(endOf(field), runOf(field), { state, failure: failureOf(field) });
    case 'canceled':
    case 'expired':
      return Object.assign(endOf(field), { state });
    case undefined:
      throw new Error(`a job record has the unknown status "${status}"`);
  }
}

function endOf(field: Fields): Ended {
  const ended: Ended = { finishedMs: Number(field('finished_ms')), expiresMs: Number(field('expires_ms')) };
  const started = field('started_ms');
  if (started !== undefined) ended.startedMs = Number(started);
  return ended;
}

function runOf(field: Fields): Ran {
  const modelVersion = field('model_version');
  if (modelVersion === undefined) return {};
  return {
    modelVersion,
    timings: {
      prepareMs: Number(field('prepare_ms')),
      predictMs: Number(field('predict_ms')),
      batchSize: Number(field('batch_size')),
    },
  };
}

function failureOf(field: Fields): Failure {
  const failed = field('error_code');
  const code = FAILURE_CODES.find((known) => known === failed) ?? 'model_error';
  return { code, message: field('error_message') ?? '' };
}

function objectOf(json: string | undefined): Record<string, unknown> {
  const value: unknown = json === undefined ? {} : JSON.parse(json);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
