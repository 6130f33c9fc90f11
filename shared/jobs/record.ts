import type { JobBody } from '../contract/job.js';
import { ENDED_JOB_STATES, FAILURE_CODES, PRIORITIES, type Priority } from '../contract/states.js';
import { RecordSchemaError } from '../errors.js';
import { RECORD_SCHEMA } from '../records/records.js';
import { type Failure, type Job, type JobBase, KEEP_INPUTS, type KeepInput } from './job.js';

/**
 * Line 1 of a job's record: written when it is accepted and never again. Times are Unix milliseconds of Redis's clock; in the
 * text they are ms since the creation. Fields without a value are `undefined`; in the text they are {@link NONE}.
 */
export interface JobRecord {
  /** The caller that the job belongs to. */
  owner: string | undefined;
  createdMs: number;
  /** Not run earlier. */
  startsMs: number;
  /** Named by the job: before its first start it is too late after this, never after {@link lateMs}. */
  deadlineMs: number | undefined;
  /** It waits no longer than this, however often it was started. */
  lateMs: number;
  priority: Priority;
  /** Of a chunk; undefined of a single job. */
  rows: number | undefined;
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
  /** Of an input that stands in a key of its own; {@link inputJson} is undefined then. */
  keepInput: KeepInput | undefined;
  about: About;
  /** The input as it was submitted, in JSON. */
  inputJson: string | undefined;
}

/** What scripts do not have to know of a job. */
export interface About {
  traceparent?: string | undefined;
  replayOf?: string | undefined;
}

/** What a field has where it has nothing; no text that is written with encodeURIComponent is equal to it. */
export const NONE = '=';
/** The field `apart`; parts/ends.lua reads the same. */
const APART: Record<KeepInput, string> = { failed: '1', always: '2', never: '3' };
const KEEP_INPUT = new Map(KEEP_INPUTS.map((keep) => [APART[keep], keep]));
/** Fields of line 1 before its JSON, in their order; parts/jobs.lua reads the same. */
const FIELDS = 18;
/** Fields of line 2 before its JSON. */
const RUN_FIELDS = 10;

const word = (text: string | undefined): string => (text === undefined ? NONE : encodeURIComponent(text));
const wordless = (text: string | undefined): string | undefined =>
  text === undefined || text === NONE ? undefined : decoded(text);
/** Most words have nothing to decode, and to look for that is cheaper. */
const decoded = (text: string): string => (text.includes('%') ? decodeURIComponent(text) : text);

/** How scripts name an owner; '' stands for nobody. */
export const ownerWord = (owner: string): string => (owner === '' ? NONE : encodeURIComponent(owner));

/** How scripts name the field `apart`. */
export const apartWord = (keepInput: KeepInput | undefined): string => (keepInput ? APART[keepInput] : NONE);

/** A text in a key's name or a field of a record. */
export const keyWord = encodeURIComponent;

const timeOf = (ms: number): string => ms.toFixed(3);

/** A field that may have nothing in it. */
export const optionalWord = word;
export const aboutWord = (about: About): string =>
  about.traceparent === undefined && about.replayOf === undefined
    ? NONE
    : encodeURIComponent(JSON.stringify(about));

/** How scripts order jobs by their creation, in microseconds. */
export const creationWord = ({ createdMs }: Pick<JobRecord, 'createdMs'>): string =>
  String(Math.round(createdMs * 1_000));

/** When a job that has not started is too late. */
export const lateWord = ({ deadlineMs, lateMs }: Pick<JobRecord, 'deadlineMs' | 'lateMs'>): string =>
  String(Math.floor(deadlineMs ?? lateMs));

/** What finds a job by its request id, in one index for all; '' without one. */
export const requestEntry = (
  id: string,
  { owner = '', requestId, createdMs }: Pick<JobRecord, 'owner' | 'requestId' | 'createdMs'>,
): string =>
  requestId === undefined ? '' : `${ownerWord(owner)}:${keyWord(requestId)}\0${timeOf(createdMs)}\0${id}`;

/** Writes line 1. */
export function writeRecord(record: Omit<JobRecord, 'inputJson'>, inputJson: string): string {
  const { owner, createdMs, startsMs, deadlineMs, lateMs, priority, rows, weight, maxAttempts } = record;
  const { timeoutMs, ttlMs, replyTo, model, requestId, idempotency, keepInput, about } = record;
  const since = (ms: number): string => String(Math.round(ms - createdMs));
  return (
    `${RECORD_SCHEMA} ${apartWord(keepInput)} ${word(owner)} ${timeOf(createdMs)} ${since(startsMs)} ${since(lateMs)} ` +
    `${deadlineMs === undefined ? NONE : since(deadlineMs)} ${priority === 'normal' ? NONE : priority} ${rows ?? NONE} ` +
    `${weight} ${maxAttempts} ${timeoutMs} ${ttlMs} ${replyTo ?? NONE} ${model} ${word(requestId)} ${idempotency ?? NONE} ` +
    `${aboutWord(about)} ${keepInput ? '' : inputJson}`
  );
}

/** The first fields of a line, and where its JSON begins. */
function fieldsOf(line: string, count: number): { fields: string[]; at: number } {
  const fields: string[] = [];
  let at = 0;
  for (let n = 0; n < count; n += 1) {
    const space = line.indexOf(' ', at);
    fields.push(line.slice(at, space));
    at = space + 1;
  }
  return { fields, at };
}

/** Reads line 1. Throws {@link RecordSchemaError} for another version's. */
export function readRecord(id: string, text: string): JobRecord {
  const { fields, at } = fieldsOf(text, FIELDS);
  const [version = '', apart, owner, created, starts, late, deadline, priority, rows, weight] = fields;
  const [maxAttempts, timeout, ttl, replyTo, model = '', requestId, idempotency, about] = fields.slice(10);
  if (version !== String(RECORD_SCHEMA)) {
    throw new RecordSchemaError(`the record of job ${id}`, version, String(RECORD_SCHEMA));
  }
  const end = text.indexOf('\n', at);
  const keepInput = KEEP_INPUT.get(apart ?? NONE);
  const createdMs = Number(created);
  return {
    owner: wordless(owner),
    createdMs,
    startsMs: createdMs + Number(starts),
    deadlineMs: deadline === NONE ? undefined : createdMs + Number(deadline),
    lateMs: createdMs + Number(late),
    priority: PRIORITIES.find((lane) => lane === priority) ?? 'normal',
    rows: rows === NONE ? undefined : Number(rows),
    weight: Number(weight),
    maxAttempts: Number(maxAttempts),
    timeoutMs: Number(timeout),
    ttlMs: Number(ttl),
    replyTo: replyTo === NONE ? undefined : replyTo,
    model,
    requestId: wordless(requestId),
    idempotency: idempotency === NONE ? undefined : idempotency,
    keepInput,
    about: about === undefined || about === NONE ? {} : (JSON.parse(decodeURIComponent(about)) as About),
    inputJson: keepInput ? undefined : end < 0 ? text.slice(at) : text.slice(at, end),
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

/** A job that ran, as far as its end tells of it. */
export interface RunningJob {
  startedMs: number;
  attempts: number;
  /** Fencing token and claim id. */
  hold: string;
  record: JobRecord;
}

/** The fields of line 2 that all jobs of a micro-batch share. */
export const writeRun = (run: {
  modelVersion: string;
  prepareMs: number;
  predictMs: number;
  batchSize: number;
}): string => `${word(run.modelVersion)} ${timeOf(run.prepareMs)} ${timeOf(run.predictMs)} ${run.batchSize}`;

/** Line 2 of a job that a worker ran; `run` is of {@link writeRun}, `bodyJson` the result or the failure. */
export function writeEnd(
  { startedMs, attempts, hold, record: { createdMs } }: RunningJob,
  state: 'succeeded' | 'failed',
  finishedMs: number,
  run: string,
  bodyJson: string,
): string {
  const since = (ms: number): string => timeOf(Math.max(0, ms - createdMs));
  return `${state} ${since(finishedMs)} ${since(startedMs)} ${attempts} ${hold} ${run} ${bodyJson}`;
}

/** The members that every {@link Job} has. */
export function baseOf(
  id: string,
  record: Omit<JobRecord, 'inputJson'>,
  inputJson: string | undefined,
  attempts: number,
): JobBase {
  const { about, owner, createdMs, timeoutMs, maxAttempts, model, priority, requestId, ttlMs, keepInput } =
    record;
  return {
    id,
    model,
    queue: model,
    owner: owner ?? '',
    inputJson,
    keepInput,
    requestId,
    priority,
    timeoutMs,
    maxAttempts,
    resultTtlMs: ttlMs,
    attempts,
    createdMs,
    replayOf: about.replayOf,
  };
}

/** A job as it is once it has ended, from one that has not and line 2 of its record. */
export function endJob(open: JobBase, line: string): Job {
  const { fields, at } = fieldsOf(line, RUN_FIELDS);
  const [status, finished, started, attempts, , , version, prepare, predict, size] = fields;
  const state = ENDED_JOB_STATES.find((known) => known === status);
  if (!state) throw new Error(`the record of job ${open.id} has the unknown status "${status}"`);
  const json = line.slice(at);
  const finishedMs = open.createdMs + Number(finished);
  const hasRun = version !== NONE;
  // One literal: to spread parts into it takes many times as long.
  return {
    id: open.id,
    model: open.model,
    queue: open.queue,
    owner: open.owner,
    inputJson: open.inputJson,
    keepInput: open.keepInput,
    requestId: open.requestId,
    priority: open.priority,
    timeoutMs: open.timeoutMs,
    maxAttempts: open.maxAttempts,
    resultTtlMs: open.resultTtlMs,
    attempts: Number(attempts),
    createdMs: open.createdMs,
    replayOf: open.replayOf,
    state,
    finishedMs,
    expiresMs: finishedMs + open.resultTtlMs,
    startedMs: started === NONE ? undefined : open.createdMs + Number(started),
    modelVersion: hasRun ? wordless(version) : undefined,
    timings: hasRun
      ? { prepareMs: Number(prepare), predictMs: Number(predict), batchSize: Number(size) }
      : undefined,
    resultJson: state === 'succeeded' ? json : undefined,
    failure: state === 'failed' ? failureOf(JSON.parse(json) as Record<string, unknown>) : undefined,
  } as Job;
}

function failureOf({ code: found, message }: Record<string, unknown>): Failure {
  const code: NonNullable<JobBody['error']>['code'] =
    FAILURE_CODES.find((known) => known === found) ?? 'model_error';
  return { code, message: String(message) };
}
