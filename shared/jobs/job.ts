import { RecordSchemaError } from '../errors.js';
import type { RedisReply } from '../redis/redis.js';

/** Every state of a job; the last four are final. */
export const JOB_STATES = [
  'queued',
  'running',
  'canceling',
  'succeeded',
  'failed',
  'canceled',
  'expired',
] as const;
export type JobState = (typeof JOB_STATES)[number];

/** The way from state to state. A retry or a release leads back from `running` to `queued`. */
export const NEXT_STATES = {
  queued: ['running', 'failed', 'canceled', 'expired'],
  running: ['queued', 'succeeded', 'failed', 'canceling'],
  canceling: ['canceled'],
  succeeded: [],
  failed: [],
  canceled: [],
  expired: [],
} as const satisfies Record<JobState, readonly JobState[]>;

/** Whether a job in this state has ended. */
export const isEnded = (state: JobState): boolean => NEXT_STATES[state].length === 0;

/** Why a job failed. */
export const FAILURE_CODES = ['model_error', 'timeout', 'worker_lost', 'invalid_output'] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

/** A failure as clients see it. */
export interface Failure {
  code: FailureCode;
  message: string;
}

/** What the run that ended a job took, in ms, and how many jobs shared it. */
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
  requestId?: string;
  /** Longest one attempt may run. */
  timeoutMs: number;
  maxAttempts: number;
  /** Attempts that count: begun, and not given back by a release. */
  attempts: number;
  createdMs: number;
  replayOf?: string;
}

interface Ended {
  finishedMs: number;
  /** When the record goes. */
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
    | { state: 'queued'; queueDeadlineMs?: number }
    | { state: 'running' | 'canceling'; startedMs: number }
    | ({ state: 'succeeded'; result: Record<string, unknown> } & Ended & Ran)
    | ({ state: 'failed'; failure: Failure } & Ended & Ran)
    | ({ state: 'canceled' | 'expired' } & Ended)
  );

/** Version of the record layout; a record of another version is refused, never half-read. */
export const RECORD_SCHEMA = 1;

/** Fields of the hash that {@link parseJob} reads, in its order. */
export const JOB_FIELDS = [
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

type Fields = Partial<Record<(typeof JOB_FIELDS)[number], string>>;

/** Reads the reply to HMGET of {@link JOB_FIELDS}. Undefined when there is no such record. */
export function parseJob(id: string, reply: RedisReply): Job | undefined {
  const values = Array.isArray(reply) ? reply : [];
  const fields: Fields = {};
  JOB_FIELDS.forEach((field, index) => {
    const value = values[index];
    if (typeof value === 'string') fields[field] = value;
  });
  if (fields.schema === undefined) return undefined;
  if (fields.schema !== String(RECORD_SCHEMA)) {
    throw new RecordSchemaError(`the record of job ${id}`, fields.schema, RECORD_SCHEMA);
  }
  return { ...baseOf(id, fields), ...stateOf(fields) };
}

function baseOf(id: string, fields: Fields): JobBase {
  return {
    id,
    model: fields.model ?? '',
    queue: fields.queue ?? '',
    owner: fields.owner ?? '',
    input: objectOf(fields.input),
    ...(fields.request_id === undefined ? {} : { requestId: fields.request_id }),
    timeoutMs: Number(fields.timeout_ms),
    maxAttempts: Number(fields.max_attempts),
    attempts: Number(fields.attempts),
    createdMs: Number(fields.created_ms),
    ...(fields.replay_of === undefined ? {} : { replayOf: fields.replay_of }),
  };
}

function stateOf(fields: Fields) {
  const state = JOB_STATES.find((known) => known === fields.status);
  switch (state) {
    case 'queued': {
      const deadline = fields.queue_deadline_ms;
      return { state, ...(deadline === undefined ? {} : { queueDeadlineMs: Number(deadline) }) };
    }
    case 'running':
    case 'canceling':
      return { state, startedMs: Number(fields.started_ms) };
    case 'succeeded':
      return { state, result: objectOf(fields.result), ...endOf(fields), ...runOf(fields) };
    case 'failed':
      return { state, failure: failureOf(fields), ...endOf(fields), ...runOf(fields) };
    case 'canceled':
    case 'expired':
      return { state, ...endOf(fields) };
    case undefined:
      throw new Error(`a job record has the unknown status "${fields.status}"`);
  }
}

function endOf(fields: Fields): Ended {
  return {
    finishedMs: Number(fields.finished_ms),
    expiresMs: Number(fields.expires_ms),
    ...(fields.started_ms === undefined ? {} : { startedMs: Number(fields.started_ms) }),
  };
}

function runOf(fields: Fields): Ran {
  if (fields.model_version === undefined) return {};
  return {
    modelVersion: fields.model_version,
    timings: {
      prepareMs: Number(fields.prepare_ms),
      predictMs: Number(fields.predict_ms),
      batchSize: Number(fields.batch_size),
    },
  };
}

function failureOf(fields: Fields): Failure {
  const code = FAILURE_CODES.find((known) => known === fields.error_code) ?? 'model_error';
  return { code, message: fields.error_message ?? '' };
}

function objectOf(json: string | undefined): Record<string, unknown> {
  const value: unknown = json === undefined ? {} : JSON.parse(json);
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
