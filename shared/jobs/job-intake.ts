import { PRIORITIES, type Priority } from '../contract/states.js';
import { coalesce } from '../process/coalesce.js';
import { createCalls } from '../queue/bee-queue.js';
import type { RedisReply } from '../redis/redis.js';
import { listOf, type RecordScripts } from '../records/records.js';
import type { Job, KeepInput } from './job.js';
import { type JobRecord, keyWord, NONE, ownerWord, writeRecord } from './record.js';

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
  /** Of this job alone; many jobs of one key are created with {@link JobStore.createAll}. */
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

/** Result of {@link JobStore.create}. */
export type Created =
  | { kind: 'created'; job: QueuedJob }
  | { kind: 'replayed'; jobId: string }
  | { kind: 'mismatch' }
  | NoRoom;

/** A job right after its creation. */
export type QueuedJob = Extract<Job, { state: 'queued' }>;

/** Result of {@link JobStore.createAll}. */
export type AllCreated =
  | { kind: 'created'; jobs: QueuedJob[] }
  /** `made`: as the first request gave it. */
  | { kind: 'replayed'; made: string[] }
  | { kind: 'mismatch' }
  | { kind: 'refused'; model: string; why: NoRoom };

/** Jobs that are accepted together at most: such a call blocks Redis for a few milliseconds. */
const MOST_AT_A_TIME = 256;
/** A larger input stands in a key of its own, unless all do, in characters. */
const LARGEST_INLINE = 4_096;
/** For so long a queue is known to have room, in ms, if all that may come together fill no more than this part of its bound. */
const DEPTH_KNOWN_MS = 1_000;
const ROOM = 0.8;
/** Calls of workers that wait at most: any of them leads to a claim. */
const MOST_CALLS = 64;
/** Time to live of a minute of the history, in ms. */
const HISTORY_MS = 25 * 3_600_000;

/** A job on its way into Redis. */
interface Accepting {
  job: NewJob;
  maxDepth: number;
  record: Omit<JobRecord, 'inputJson'>;
  inputJson: string;
  line: string;
}

/** Jobs that are accepted together or not at all. */
interface Group {
  jobs: readonly Accepting[];
  /** What their Idempotency-Key is to lead to. */
  key?: (Idempotency & { makes: string }) | undefined;
}

/** What an answer told of a queue. */
interface KnownQueue {
  depth: number;
  calls: number;
  seenMs: number;
}

/** Accepts jobs: the API's side. Rejects with RedisUnavailableError while Redis is away. */
export class JobIntake {
  readonly #records: RecordScripts;
  readonly #accept: (accepting: Accepting) => Promise<Created>;
  readonly #known = new Map<string, KnownQueue>();
  /** Jobs of each model that are written outright at this moment. */
  readonly #underWay = new Map<string, number>();
  readonly #newCall = createCalls();
  #lastMs = 0;

  constructor(
    records: RecordScripts,
    private readonly keepInput: KeepInput = 'failed',
  ) {
    this.#records = records;
    this.#accept = coalesce(MOST_AT_A_TIME, (some) => this.#acceptAll(some));
  }

  /**
   * Accepts a job and has a worker called, unless its Idempotency-Key is known or there is no room: the queue holds `maxDepth`
   * jobs, or the owner its share of them. One round trip, which jobs that come at the same moment share. Where it rejects the
   * job may exist.
   */
  create(job: NewJob, maxDepth: number): Promise<Created> {
    return this.#accept(this.#prepare(job, maxDepth, job.idempotency && wordOf(job.idempotency)));
  }

  /**
   * Accepts jobs of one owner, all or none of them, in one round trip. `key`: their Idempotency-Key, with what it `makes`: for
   * each entry of the request the id of its job or a word without a comma or a space. Without jobs the key is only looked up.
   */
  async createAll(
    jobs: readonly NewJob[],
    maxDepth: number,
    key?: Idempotency & { makes: readonly string[] },
  ): Promise<AllCreated> {
    const word = key && `${wordOf(key)}${OF_MANY}`;
    const all = jobs.map((job) => this.#prepare(job, maxDepth, word));
    if (key === undefined && this.#isPlain(all)) return { kind: 'created', jobs: await this.#write(all) };
    const [answer = { kind: 'mismatch' as const }] = await this.#check([
      { jobs: all, key: key && { ...key, makes: key.makes.join(',') } },
    ]);
    return answer;
  }

  #prepare(job: NewJob, maxDepth: number, idempotency: string | undefined): Accepting {
    const inputJson = JSON.stringify(job.input);
    const isApart = this.keepInput === 'never' || inputJson.length > LARGEST_INLINE;
    const record = this.#recordOf(job, isApart ? this.keepInput : undefined, idempotency);
    return { job, maxDepth, record, inputJson, line: writeRecord(record, inputJson) };
  }

  /** Members of line 1. Times are a microsecond apart: lists and windows go on after a time. */
  #recordOf(
    job: NewJob,
    keepInput: KeepInput | undefined,
    idempotency: string | undefined,
  ): Omit<JobRecord, 'inputJson'> {
    const createdMs =
      Math.round(Math.max(this.#records.redis.nowMs() * 1_000, this.#lastMs * 1_000 + 1)) / 1_000;
    this.#lastMs = createdMs;
    const startsMs = createdMs + (job.delayMs ?? 0);
    const lateMs = startsMs + job.queueTtlMs;
    return {
      owner: job.owner || undefined,
      createdMs,
      startsMs,
      deadlineMs: job.expiresInMs === undefined ? undefined : Math.min(lateMs, startsMs + job.expiresInMs),
      lateMs,
      priority: job.priority ?? 'normal',
      rows: undefined,
      weight: job.weight ?? 1,
      maxAttempts: job.maxAttempts,
      timeoutMs: job.timeoutMs,
      ttlMs: job.resultTtlMs,
      replyTo: job.replyTo,
      model: job.model,
      requestId: job.requestId,
      idempotency,
      keepInput,
      about: { traceparent: job.traceparent, replayOf: job.replayOf },
    };
  }

  async #acceptAll(some: readonly Accepting[]): Promise<Created[]> {
    const plain: Accepting[] = [];
    const checked: Accepting[] = [];
    for (const one of some) (this.#isPlain([one]) ? plain : checked).push(one);
    const sent = [...plain, ...checked];
    const [written, looked] = await Promise.all([
      plain.length > 0 ? this.#write(plain) : [],
      checked.length > 0
        ? this.#check(
            checked.map((one) => ({
              jobs: [one],
              key: one.job.idempotency && { ...one.job.idempotency, makes: one.job.id },
            })),
          )
        : [],
    ]);
    const answers = [...written.map((job) => ({ kind: 'created' as const, job })), ...looked.map(asSingle)];
    const created = new Map(answers.map((answer, index) => [sent[index], answer]));
    return some.map((one) => created.get(one) as Created);
  }

  /** Whether nothing has to be looked at before the jobs are written. */
  #isPlain(jobs: readonly Accepting[]): boolean {
    const nowMs = performance.now();
    return jobs.every(({ job, maxDepth, record }) => {
      const known = this.#known.get(job.model);
      return (
        job.owner === '' &&
        record.idempotency === undefined &&
        record.startsMs === record.createdMs &&
        known !== undefined &&
        nowMs - known.seenMs < DEPTH_KNOWN_MS &&
        known.depth + (this.#underWay.get(job.model) ?? 0) + MOST_AT_A_TIME < ROOM * maxDepth
      );
    });
  }

  /** Writes jobs outright, in one transaction. Never to be repeated: the jobs would run twice. */
  async #write(some: readonly Accepting[]): Promise<QueuedJob[]> {
    const byModel = new Map<string, Accepting[]>();
    for (const one of some) {
      const same = byModel.get(one.job.model);
      if (same) same.push(one);
      else byModel.set(one.job.model, [one]);
    }
    const commands: string[][] = [];
    const depthsAt: [model: string, at: number][] = [];
    for (const [model, ones] of byModel) {
      this.#count(model, ones.length);
      commands.push(...this.#commandsOf(model, ones));
      depthsAt.push([model, commands.length]);
      commands.push(...PRIORITIES.map((lane) => ['ZCARD', this.#records.key(`queued:${model}:${lane}`)]));
      commands.push(['ZCARD', this.#records.key(`delayed:${model}`)]);
      commands.push(['LLEN', this.#records.key(`bq:${model}:waiting`)]);
    }
    let replies: RedisReply[];
    try {
      replies = await this.#records.promised.transaction(commands);
    } finally {
      for (const [model, ones] of byModel) this.#count(model, -ones.length);
    }
    const created = new Map<Accepting, QueuedJob>();
    for (const [model, at] of depthsAt) {
      const [high = 0, normal = 0, low = 0, delayed = 0, calls = 0] = replies.slice(at, at + 5).map(Number);
      this.#learn(model, high + normal + low + delayed, calls);
      const left = { high, normal, low };
      const before = { high: 0, normal: high, low: high + normal };
      for (const one of (byModel.get(model) ?? []).toReversed()) {
        const lane = one.record.priority;
        left[lane] -= 1;
        created.set(one, asCreated(one, Math.max(0, before[lane] + left[lane])));
      }
    }
    return some.map((one) => created.get(one) as QueuedJob);
  }

  #count(model: string, by: number): void {
    this.#underWay.set(model, (this.#underWay.get(model) ?? 0) + by);
  }

  #commandsOf(model: string, ones: readonly Accepting[]): string[][] {
    const key = (name: string): string => this.#records.key(name);
    const records: string[] = [];
    const lanes: Record<Priority, string[]> = { high: [], normal: [], low: [] };
    const created: string[] = [];
    const deadlines: string[] = [];
    const requests: string[] = [];
    for (const { job, record, inputJson, line } of ones) {
      const createdUs = String(Math.round(record.createdMs * 1_000));
      records.push(key(`job:${job.id}`), line);
      if (record.keepInput) records.push(key(`in:${job.id}`), inputJson);
      lanes[record.priority].push(createdUs, job.id);
      created.push(createdUs, job.id);
      deadlines.push(String(Math.floor(record.deadlineMs ?? record.lateMs)), job.id);
      if (job.requestId !== undefined) {
        requests.push(
          '0',
          `${ownerWord('')}:${keyWord(job.requestId)}\0${record.createdMs.toFixed(3)}\0${job.id}`,
        );
      }
    }
    const minute = key(`minute:${model}:${Math.floor(this.#lastMs / 60_000)}`);
    const count = String(ones.length);
    const nobody = ownerWord('');
    const known = this.#known.get(model);
    const call = this.#newCall();
    return [
      ['MSET', ...records],
      ...PRIORITIES.filter((lane) => lanes[lane].length > 0).map((lane) =>
        ['ZADD', key(`queued:${model}:${lane}`)].concat(lanes[lane]),
      ),
      ['ZADD', key(`index:open:${nobody}:${model}`), ...created],
      ['ZADD', key('deadlines'), ...deadlines],
      ...(requests.length > 0 ? [['ZADD', key('requests'), ...requests]] : []),
      ['HINCRBY', key('counts'), `${model}:submitted`, count],
      ['HINCRBY', minute, 'submitted', count],
      ['PEXPIRE', minute, String(HISTORY_MS)],
      ...(known && known.calls >= MOST_CALLS
        ? []
        : [
            ['HSET', key(`bq:${model}:jobs`), call.id, call.entry],
            ['LPUSH', key(`bq:${model}:waiting`), call.id],
          ]),
    ];
  }

  /** Accepts groups of jobs of which something has to be looked at first. */
  async #check(groups: readonly Group[]): Promise<AllCreated[]> {
    const words: string[] = [];
    for (const { jobs, key } of groups) {
      const isMany = jobs[0]?.record.idempotency?.endsWith(OF_MANY) ?? false;
      words.push(String(jobs.length), key ? wordOf(key) : NONE, key?.fingerprint ?? '', key?.makes ?? '');
      words.push(isMany ? '1' : '');
      for (const { job, line, maxDepth, record, inputJson } of jobs) {
        words.push(job.id, line, String(maxDepth), record.keepInput ? inputJson : '');
        words.push(ownerWord(job.owner), record.createdMs.toFixed(3), record.startsMs.toFixed(3));
        words.push(
          String(Math.floor(record.deadlineMs ?? record.lateMs)),
          record.priority,
          String(record.weight),
        );
        words.push(job.model, job.requestId === undefined ? NONE : keyWord(job.requestId));
      }
    }
    const replies = listOf(await this.#records.promise('accept', words));
    return groups.map(({ jobs }, index): AllCreated => {
      const [kind, detail, ...more] = listOf(replies[index]);
      switch (kind) {
        case 'created': {
          const places = [detail, ...more].map(Number);
          jobs.forEach(({ job }, n) => this.#learn(job.model, places[2 * n + 1] ?? 0, 0));
          return { kind, jobs: jobs.map((one, n) => asCreated(one, places[2 * n] ?? 0)) };
        }
        case 'replayed':
          return { kind, made: String(detail).split(',') };
        case 'full':
        case 'share':
          return { kind: 'refused', model: String(more[0]), why: noRoom(kind, detail) };
        default:
          return { kind: 'mismatch' };
      }
    });
  }

  #learn(model: string, depth: number, calls: number): void {
    this.#known.set(model, { depth, calls, seenMs: performance.now() });
  }
}

/** Reads the refusal in a script's answer. */
export const noRoom = (kind: 'full' | 'share', detail: RedisReply | undefined): NoRoom =>
  kind === 'full' ? { kind, depth: Number(detail) } : { kind, waiting: Number(detail) };

/** The key of {@link Idempotency}, as part of a name in Redis. */
const wordOf = ({ caller, key }: Idempotency): string => `${keyWord(caller)}:${keyWord(key)}`;
/** Stands behind the key in the record of a job of many: parts/jobs.lua reads the same. */
const OF_MANY = ':*';

/** The answer to a group of one. */
function asSingle(answer: AllCreated): Created {
  switch (answer.kind) {
    case 'created':
      return { kind: 'created', job: answer.jobs[0] as QueuedJob };
    case 'replayed':
      return { kind: 'replayed', jobId: answer.made[0] ?? '' };
    case 'refused':
      return answer.why;
    case 'mismatch':
      return answer;
  }
}

/** The job right after its creation; reading it would cost another round trip. One literal, as in {@link endJob}. */
function asCreated({ job, record, inputJson }: Accepting, waitingBefore: number): QueuedJob {
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
