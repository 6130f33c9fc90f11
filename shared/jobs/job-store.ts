import { coalesce } from '../process/coalesce.js';
import { beeEntry, beeKeys } from '../queue/bee-queue.js';
import type { RedisReply } from '../redis/redis.js';
import { type Job, parseJob, readJobCommand } from './job.js';
import { listOf, type RecordScripts } from '../records/records.js';

/** Settings of a new job. */
export interface NewJob {
  id: string;
  model: string;
  queue: string;
  owner: string;
  /** The validated input, as JSON. */
  inputJson: string;
  requestId?: string | undefined;
  timeoutMs: number;
  maxAttempts: number;
  /** Time to live of the record after the job's end. */
  resultTtlMs: number;
  /** A job still queued after this ends as expired. */
  expiresInMs?: number | undefined;
  traceparent?: string | undefined;
  replayOf?: string | undefined;
  /** Name of the process that waits for the end: commits publish the outcome on that process' channel. */
  replyTo?: string | undefined;
  /** `caller` names the sender of the key: an admin may create a job for another owner. */
  idempotency?: { caller: string; key: string; fingerprint: string } | undefined;
}

/** The refusal of a queue: it is full, or the owner has its share of it, which is as much as there is room left. */
export type NoRoom = { kind: 'full'; depth: number } | { kind: 'share'; waiting: number };

/** Result of {@link JobStore.create}. */
export type Created =
  | { kind: 'created'; createdMs: number; waitingBefore: number }
  | { kind: 'replayed'; jobId: string }
  | { kind: 'mismatch' }
  | NoRoom;

/** Accepts, reads and cancels jobs: the API's side. Rejects with RedisUnavailableError while Redis is away. */
export class JobStore {
  readonly #records: RecordScripts;
  readonly #isShared: boolean;
  readonly #creators = new Map<string, (job: Submitted) => Promise<Created>>();

  /** `isShared`: callers are told apart, and each may have as many jobs waiting as there is room left for all. */
  constructor(records: RecordScripts, isShared = false) {
    this.#records = records;
    this.#isShared = isShared;
  }

  /**
   * Accepts a job and puts its first delivery into Bee-Queue, unless its Idempotency-Key is known or there is no room:
   * the queue holds `maxDepth` jobs, or the owner its share of them. One round trip, which jobs that come at the same moment share.
   */
  create(job: NewJob, maxDepth: number): Promise<Created> {
    const key = `${job.queue} ${job.model}`;
    let create = this.#creators.get(key);
    if (!create) {
      create = coalesce(MOST_AT_A_TIME, (jobs) => this.#createAll(job, jobs));
      this.#creators.set(key, create);
    }
    return create({ job, maxDepth });
  }

  async #createAll(
    { model, queue }: Pick<NewJob, 'model' | 'queue'>,
    submitted: readonly Submitted[],
  ): Promise<Created[]> {
    const { jobs, waiting } = beeKeys({ keyPrefix: this.#records.keyPrefix, name: queue });
    const words = [
      model,
      queue,
      beeEntry(Date.now()),
      this.#isShared ? '1' : '',
      ...submitted.flatMap(wordsOf),
    ];
    return listOf(await this.#records.run('create', words, [jobs, waiting])).map(parseCreated);
  }

  /** The job, or undefined when its record is not there (any more). */
  async find(id: string): Promise<Job | undefined> {
    return parseJob(id, await this.#records.redis.command(readJobCommand(this.#records.key(`job:${id}`))));
  }

  /** Number of jobs of its queue that stand before this one; undefined when it does not wait. */
  async position(queue: string, id: string): Promise<number | undefined> {
    const rank = await this.#records.redis.command(['ZRANK', this.#records.key(`queued:${queue}`), id]);
    return typeof rank === 'number' ? rank : undefined;
  }

  /** Completions a second of a queue over the last ten full seconds, or over those since the first of them. */
  async completionRate(queue: string, nowMs: number): Promise<number> {
    const second = Math.floor(nowMs / 1000);
    const keys = Array.from({ length: 10 }, (_, back) =>
      this.#records.key(`done:${queue}:${second - 1 - back}`),
    );
    const counts = listOf(await this.#records.redis.command(['MGET', ...keys])).map(Number);
    const oldest = counts.findLastIndex((count) => count > 0);
    return oldest < 0 ? 0 : counts.reduce((sum, count) => sum + count, 0) / (oldest + 1);
  }

  /** Cancels a job of `owner` (undefined: anybody's). */
  async cancel(id: string, owner: string | undefined): Promise<'canceled' | 'canceling' | 'ended' | 'gone'> {
    const word = await this.#records.run('cancel', [id, owner ?? '*']);
    return word === 'canceled' || word === 'canceling' || word === 'ended' ? word : 'gone';
  }
}

/** Jobs that one script call creates at most: such a call blocks Redis for a few milliseconds. */
const MOST_AT_A_TIME = 64;

interface Submitted {
  job: NewJob;
  maxDepth: number;
}

/** The script's arguments for one job, preceded by their number. */
function wordsOf({ job, maxDepth }: Submitted): string[] {
  const { idempotency } = job;
  const words = [
    job.id,
    job.owner,
    String(maxDepth),
    idempotency ? `${idempotency.caller}:${idempotency.key}` : '',
    idempotency?.fingerprint ?? '',
    job.expiresInMs === undefined ? '' : String(job.expiresInMs),
    job.requestId ?? '',
    ...recordFields(job),
  ];
  return [String(words.length), ...words];
}

/** Reads the refusal in a script's answer. */
export const noRoom = (kind: 'full' | 'share', detail: RedisReply | undefined): NoRoom =>
  kind === 'full' ? { kind, depth: Number(detail) } : { kind, waiting: Number(detail) };

function parseCreated(reply: RedisReply): Created {
  const [kind, detail, waitingBefore] = listOf(reply);
  switch (kind) {
    case 'created':
      return { kind, createdMs: Number(detail), waitingBefore: Number(waitingBefore) };
    case 'replayed':
      return { kind, jobId: String(detail) };
    case 'full':
    case 'share':
      return noRoom(kind, detail);
    default:
      return { kind: 'mismatch' };
  }
}

function recordFields(job: NewJob): string[] {
  const fields = [
    'input',
    job.inputJson,
    'timeout_ms',
    String(job.timeoutMs),
    'max_attempts',
    String(job.maxAttempts),
    'ttl_ms',
    String(job.resultTtlMs),
  ];
  if (job.traceparent !== undefined) fields.push('traceparent', job.traceparent);
  if (job.replayOf !== undefined) fields.push('replay_of', job.replayOf);
  if (job.replyTo !== undefined) fields.push('reply_to', job.replyTo);
  return fields;
}
