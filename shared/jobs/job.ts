import type { JobBody } from '../contract/job.js';
import type { EndedJobState, JobState, Priority } from '../contract/states.js';

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

/** When an input goes: `failed`: when its job has succeeded; `always`: with the record; `never`: when its job has ended. */
export const KEEP_INPUTS = ['failed', 'always', 'never'] as const;
export type KeepInput = (typeof KEEP_INPUTS)[number];

export interface JobBase {
  id: string;
  model: string;
  queue: string;
  /** Empty when callers are not told apart. */
  owner: string;
  /** The input as it was submitted, in JSON; undefined where it stands in a key of its own. */
  inputJson: string | undefined;
  /** How long it stands there. */
  keepInput?: KeepInput | undefined;
  requestId?: string | undefined;
  priority: Priority;
  /** Longest one attempt may run. */
  timeoutMs: number;
  maxAttempts: number;
  /** The record is kept for so long after the job's end. */
  resultTtlMs: number;
  /** Attempts that count: those that began and were not given back by a release. */
  attempts: number;
  createdMs: number;
  replayOf?: string | undefined;
}

export interface Ended {
  finishedMs: number;
  /** Time at which the record expires. */
  expiresMs: number;
  startedMs?: number | undefined;
}

export interface Ran {
  modelVersion?: string | undefined;
  timings?: RunTimings | undefined;
}

export interface Queued {
  state: 'queued';
  /** Set where the job named one. */
  queueDeadlineMs?: number | undefined;
  /** Set while it waits for its time. */
  startsMs?: number | undefined;
  /** How many are before it, if nothing more comes; undefined while it waits for its time. */
  waitingBefore: number | undefined;
}

/** A job that has not ended, without what changes until it does. */
export type OpenJob = JobBase & {
  /** The API process that is told of its end. */
  replyTo: string | undefined;
};

/** A job as its record has it. Times are Unix milliseconds of Redis's clock, with microseconds as decimals. */
export type Job = JobBase &
  (
    | Queued
    | { state: 'running' | 'canceling'; startedMs: number }
    | ({ state: 'succeeded'; resultJson: string } & Ended & Ran)
    | ({ state: 'failed'; failure: Failure } & Ended & Ran)
    | ({ state: 'canceled' | 'expired' } & Ended)
  );

/** Whether the input of a job stands in a key of its own, and has not gone. */
export const isInputApart = ({ keepInput, state }: Job): boolean =>
  keepInput !== undefined &&
  (keepInput === 'always' || !isEnded(state) || (keepInput === 'failed' && state !== 'succeeded'));
