import type { JobBody } from '../contract/job.js';
import { type EndedJobState, FAILURE_CODES, JOB_STATES, type Priority } from '../contract/states.js';
import { RecordSchemaError } from '../errors.js';
import { RECORD_SCHEMA } from '../records/records.js';
import type { Ended, Failure, Job, JobBase, Ran } from './job.js';

/**
 * Line 1 of a job's record: written when it is accepted and never again. Times are Unix milliseconds of Redis's clock. Fields
 * without a value are `undefined`; in the text they are {@link NONE}.
 */
export interface JobRecord {
  /** The caller that the job belongs to. */
  owner: string | undefined;
  createdMs: number;
  /** Not run earlier. */
  startsMs: number;
  /** Before its first start it is too late after this. */
  deadlineMs: number;
  /** It waits no longer than this, however often it was started. */
  lateMs: number;
  priority: Priority;
  kind: 'single' | 'chunk';
  /** Rows of a chunk; 1 of a single job. */
  rows: number;
  /** Share of its owner's turns in the queue. */
  weight: number;
  maxAttempts: number;
  timeoutMs: number;
  /** The record is kept for so long after the job's end. */
  ttlMs: number;
  /** The API process that accepted it, which is told of its end. */
  replyTo: string | undefined;
  model: string;
  requestId: string | undefined;
  /** `<caller>:<key>`, as it is part of a key's name. */
  idempotency: string | undefined;
  /** Whether the input stands in a key of its own. */
  isInputApart: boolean;
  about: About;
}

/** The JSON object of line 1, for readers. */
export interface About {
  input?: Record<string, unknown>;
  /** Whether the job named {@link JobRecord.deadlineMs} itself. */
  expires?: true;
  traceparent?: string;
  replay_of?: string;
  request_id?: string;
}

/** What a field has where it has nothing; no text that is written with encodeURIComponent is equal to it. */
const NONE = '=';
/** Fields of line 1 before its JSON, in their order; parts/jobs.lua reads the same. */
const FIELDS = 18;
/** Fields of line 2 before its JSON. */
const RUN_FIELDS = 11;

const word = (text: string | undefined): string => (text === undefined ? NONE : encodeURIComponent(text));
const wordless = (text: string | undefined): string | undefined =>
  text === undefined || text === NONE ? undefined : decodeURIComponent(text);

/** How scripts name an owner; '' stands for nobody. */
export const ownerWord = (owner: string): string => (owner === '' ? NONE : encodeURIComponent(owner));

/** A text in a key's name or a field of a record. */
export const keyWord = encodeURIComponent;

const timeOf = (ms: number): string => ms.toFixed(3);

/** Writes line 1; `aboutJson` is its JSON object. */
export function writeRecord(record: Omit<JobRecord, 'about'>, aboutJson: string): string {
  const { owner, createdMs, startsMs, deadlineMs, lateMs, priority, kind, rows, weight } = record;
  const { maxAttempts, timeoutMs, ttlMs, replyTo, model, requestId, idempotency, isInputApart } = record;
  return (
    `${RECORD_SCHEMA} ${word(owner)} ${timeOf(createdMs)} ${timeOf(startsMs)} ${timeOf(deadlineMs)} ` +
    `${timeOf(lateMs)} ${priority} ${kind} ${rows} ${weight} ${maxAttempts} ${timeoutMs} ${ttlMs} ${replyTo ?? NONE} ` +
    `${model} ${word(requestId)} ${idempotency ?? NONE} ${isInputApart ? 1 : NONE} ${aboutJson}`
  );
}

/** Reads line 1. Throws {@link RecordSchemaError} for another version's. */
export function readRecord(id: string, text: string): JobRecord {
  const fields: string[] = [];
  let at = 0;
  for (let n = 0; n < FIELDS; n += 1) {
    const space = text.indexOf(' ', at);
    fields.push(text.slice(at, space));
    at = space + 1;
  }
  const [version = '', owner, created, starts, deadline, late, priority, kind, rows, weight] = fields;
  const [maxAttempts, timeout, ttl, replyTo, model = '', requestId, idempotency, apart] = fields.slice(10);
  if (version !== String(RECORD_SCHEMA)) throw new RecordSchemaError(`the record of job ${id}`, version, RECORD_SCHEMA);
  const end = text.indexOf('\n', at);
  return {
    owner: wordless(owner),
    createdMs: Number(created),
    startsMs: Number(starts),
    deadlineMs: Number(deadline),
    lateMs: Number(late),
    priority: priority as Priority,
    kind: kind === 'chunk' ? kind : 'single',
    rows: Number(rows),
    weight: Number(weight),
    maxAttempts: Number(maxAttempts),
    timeoutMs: Number(timeout),
    ttlMs: Number(ttl),
    replyTo: replyTo === NONE ? undefined : replyTo,
    model,
    requestId: wordless(requestId),
    idempotency: idempotency === NONE ? undefined : idempotency,
    isInputApart: apart === '1',
    about: JSON.parse(end < 0 ? text.slice(at) : text.slice(at, end)) as About,
  };
}

/** What `holds` says of a job that runs, or was given back. */
export interface HoldView {
  startedMs: number;
  attempts: number;
}

/** Reads a value of `holds`; see parts/jobs.lua. */
export function readHold(text: string): HoldView {
  const [, , started, attempts] = text.split(' ');
  return { startedMs: Number(started), attempts: Number(attempts) };
}

/** Line 2 of a record; undefined while the job has not ended. */
export function outcomeOf(text: string): string | undefined {
  const end = text.indexOf('\n');
  return end < 0 ? undefined : text.slice(end + 1);
}

/** The fields of line 2 that a worker writes of a run: they come behind the claim. */
export function writeRun(
  run: { modelVersion: string; prepareMs: number; predictMs: number; batchSize: number },
  bodyJson: string,
): string {
  return `${word(run.modelVersion)} ${timeOf(run.prepareMs)} ${timeOf(run.predictMs)} ${run.batchSize} ${bodyJson}`;
}

/** The members that every {@link Job} has. */
export function baseOf(id: string, record: JobRecord, attempts: number): JobBase {
  const { about, owner, createdMs, timeoutMs, maxAttempts, model, priority, requestId } = record;
  return {
    id,
    model,
    queue: model,
    owner: owner ?? '',
    input: about.input,
    requestId,
    priority,
    timeoutMs,
    maxAttempts,
    attempts,
    createdMs,
    replayOf: about.replay_of,
  };
}

/** A job as it is once it has ended, from one that has not and line 2 of its record. */
export function endJob(open: JobBase, line: string): Job {
  const fields: string[] = [];
  let at = 0;
  for (let n = 0; n < RUN_FIELDS; n += 1) {
    const space = line.indexOf(' ', at);
    fields.push(line.slice(at, space));
    at = space + 1;
  }
  const [status, finished, expires, started, attempts, , , version, prepare, predict, size] = fields;
  const body = JSON.parse(line.slice(at)) as Record<string, unknown>;
  const end: Ended = {
    finishedMs: Number(finished),
    expiresMs: Number(expires),
    startedMs: started === NONE ? undefined : Number(started),
  };
  const { id, model, queue, owner, input, requestId, priority, timeoutMs, maxAttempts, createdMs, replayOf } = open;
  const base: JobBase = {
    id,
    model,
    queue,
    owner,
    input,
    requestId,
    priority,
    timeoutMs,
    maxAttempts,
    attempts: Number(attempts),
    createdMs,
    replayOf,
  };
  const ran: Ran =
    version === NONE
      ? {}
      : {
          modelVersion: wordless(version),
          timings: { prepareMs: Number(prepare), predictMs: Number(predict), batchSize: Number(size) },
        };
  const state = JOB_STATES.find((known): known is EndedJobState => known === status);
  switch (state) {
    case 'succeeded':
      return { ...base, ...end, ...ran, state, result: body };
    case 'failed':
      return { ...base, ...end, ...ran, state, failure: failureOf(body) };
    case 'canceled':
    case 'expired':
      return { ...base, ...end, state };
    default:
      throw new Error(`the record of job ${open.id} has the unknown status "${status}"`);
  }
}

function failureOf({ code: found, message }: Record<string, unknown>): Failure {
  const code: NonNullable<JobBody['error']>['code'] =
    FAILURE_CODES.find((known) => known === found) ?? 'model_error';
  return { code, message: String(message) };
}
