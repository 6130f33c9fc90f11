import type { Priority } from '../contract/states.js';
import type { RedisReply } from '../redis/redis.js';
import type { Job } from './job.js';
import { type JobRecord, keyWord } from './record.js';

/** Settings of a new job. */
export interface NewJob {
  id: string;
  model: string;
  owner: string;
  /** Checked against the model's schema. */
  input: Record<string, unknown>;
  requestId?: string | undefined;
  priority?: Priority | undefined;
  /** Share of the owner's turns in the queue. @default 1 */
  weight?: number | undefined;
  timeoutMs: number;
  maxAttempts: number;
  /** Time to live of the record after the job's end. */
  resultTtlMs: number;
  /** Not run before so long after its acceptance. @default 0 */
  delayMs?: number | undefined;
  /** A job still queued so long after it may start ends as expired, if it was never started. */
  expiresInMs?: number | undefined;
  /** Longest time in the queue. */
  queueTtlMs: number;
  traceparent?: string | undefined;
  replayOf?: string | undefined;
  /** Name of the process that is told of the end. */
  replyTo?: string | undefined;
  /** Of this job alone; many jobs of one key are created with {@link JobIntake.createAll}. */
  idempotency?: Idempotency | undefined;
}

/** An Idempotency-Key. `caller` names its sender: an admin may create a job for another owner. */
export interface Idempotency {
  caller: string;
  key: string;
  fingerprint: string;
}

/** The refusal of a queue: it is full, or the owner has its share of it, which is as much as there is room left. */
export type NoRoom = { kind: 'full'; depth: number } | { kind: 'share'; waiting: number };

/** Result of {@link JobIntake.create}. */
export type Created =
  | { kind: 'created'; job: QueuedJob }
  | { kind: 'replayed'; jobId: string }
  | { kind: 'mismatch' }
  | NoRoom;

/** A job right after its creation. */
export type QueuedJob = Extract<Job, { state: 'queued' }>;

/** Result of {@link JobIntake.createAll}. */
export type AllCreated =
  | { kind: 'created'; jobs: QueuedJob[] }
  /** `made`: as the first request gave it. */
  | { kind: 'replayed'; made: string[] }
  | { kind: 'mismatch' }
  | { kind: 'refused'; model: string; why: NoRoom };

/** Jobs that are accepted together at most: such a call blocks Redis for a few milliseconds. */
export const MOST_AT_A_TIME = 256;

/** A job on its way into Redis. */
export interface Accepting {
  job: NewJob;
  maxDepth: number;
  record: Omit<JobRecord, 'inputJson'>;
  inputJson: string;
  line: string;
}

/** Jobs that are accepted together or not at all. */
export interface Group {
  jobs: readonly Accepting[];
  /** What their Idempotency-Key is to lead to. */
  key?: (Idempotency & { makes: string }) | undefined;
}

/** Reads the refusal in a script's answer. */
export const noRoom = (kind: 'full' | 'share', detail: RedisReply | undefined): NoRoom =>
  kind === 'full' ? { kind, depth: Number(detail) } : { kind, waiting: Number(detail) };

/** The key of {@link Idempotency}, as part of a name in Redis; it never ends with {@link OF_MANY}. */
export const wordOf = ({ caller, key }: Idempotency): string =>
  `${keyWord(caller)}:${keyWord(key).replaceAll('*', '%2A')}`;
/** Stands behind the key in the record of a job of many: parts/jobs.lua reads the same. */
export const OF_MANY = ':*';

/** The job right after its creation; reading it would cost another round trip. One literal, as in {@link endJob}. */
export function asCreated({ job, record, inputJson }: Accepting, waitingBefore: number): QueuedJob {
  const isDelayed = record.startsMs > record.createdMs;
  return {
    id: job.id,
    model: job.model,
    queue: job.model,
    owner: job.owner,
    inputJson: record.keepInput ? undefined : inputJson,
    keepInput: record.keepInput,
    requestId: job.requestId,
    priority: record.priority,
    timeoutMs: job.timeoutMs,
    maxAttempts: job.maxAttempts,
    resultTtlMs: job.resultTtlMs,
    attempts: 0,
    createdMs: record.createdMs,
    replayOf: job.replayOf,
    state: 'queued',
    queueDeadlineMs: record.deadlineMs,
    startsMs: isDelayed ? record.startsMs : undefined,
    waitingBefore: isDelayed ? undefined : waitingBefore,
  };
}
