import { coalesce } from '../process/coalesce.js';
import type { RedisReply } from '../redis/redis.js';
import { listOf, type RecordScripts } from '../records/records.js';
import type { KeepInput } from './job.js';
import {
  type Accepting,
  type AllCreated,
  asCreated,
  type Created,
  type Group,
  type Idempotency,
  MOST_AT_A_TIME,
  type NewJob,
  noRoom,
  OF_MANY,
  type QueuedJob,
  wordOf,
} from './new-job.js';
import { OutrightWrites } from './outright-writes.js';
import { acceptWords, runsOf } from './accept-words.js';
import { type JobRecord, writeRecord } from './record.js';

/** A larger input stands in a key of its own, unless all do, in characters. */
const LARGEST_INLINE = 4_096;

/** Accepts jobs: the API's side. Rejects with RedisUnavailableError while Redis is away. */
export class JobIntake {
  readonly #records: RecordScripts;
  readonly #accept: (accepting: Accepting) => Promise<Created>;
  readonly #outright: OutrightWrites;
  #lastMs = 0;

  constructor(
    records: RecordScripts,
    private readonly keepInput: KeepInput = 'failed',
  ) {
    this.#records = records;
    this.#outright = new OutrightWrites(records);
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
    if (key === undefined && this.#outright.allows(all)) {
      return { kind: 'created', jobs: await this.#outright.write(all) };
    }
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
    for (const one of some) (this.#outright.allows([one]) ? plain : checked).push(one);
    const sent = [...plain, ...checked];
    const [written, looked] = await Promise.all([
      plain.length > 0 ? this.#outright.write(plain) : [],
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

  /** Accepts groups of jobs of which something has to be looked at first; those of one key one after the other. */
  async #check(groups: readonly Group[]): Promise<AllCreated[]> {
    const answers = new Map<Group, AllCreated>();
    let left = groups;
    while (left.length > 0) {
      const names = new Set<string>();
      const now = left.filter(({ key }, n) => names.size < names.add(key ? wordOf(key) : `${n}`).size);
      const answer = listOf(await this.#records.promise('accept', acceptWords(this.#records, now)));
      if (answer[0] === 'created') this.#created(now, answer, answers);
      else now.forEach((group, n) => this.#refused(group, listOf(answer[n]), answers));
      left = left.filter((group) => !answers.has(group));
    }
    return groups.map((group) => answers.get(group) ?? { kind: 'mismatch' });
  }

  #created(groups: readonly Group[], answer: readonly RedisReply[], answers: Map<Group, AllCreated>): void {
    const [places, queues, depths] = answer.slice(1).map(listOf);
    queues?.forEach((queue, n) => this.#outright.learn(String(queue), Number(depths?.[n]), 0));
    const placeOf = new Map<Accepting, number>();
    for (const one of runsOf(groups).flatMap(({ jobs }) => jobs)) {
      placeOf.set(one, Number(places?.[placeOf.size]));
    }
    for (const group of groups) {
      const jobs = group.jobs.map((one) => asCreated(one, placeOf.get(one) ?? 0));
      answers.set(group, { kind: 'created', jobs });
    }
  }

  /** Nothing was written. What stands in nobody's way is sent again. */
  #refused(
    group: Group,
    [kind, detail, queue]: readonly RedisReply[],
    answers: Map<Group, AllCreated>,
  ): void {
    if (kind === 'full' || kind === 'share') {
      answers.set(group, { kind: 'refused', model: String(queue), why: noRoom(kind, detail) });
    } else if (kind === 'made') {
      const [made = '', fingerprint] = String(detail).split(' ');
      const isSame = fingerprint === group.key?.fingerprint;
      answers.set(group, isSame ? { kind: 'replayed', made: made.split(',') } : { kind: 'mismatch' });
    } else if (group.jobs.length === 0) answers.set(group, { kind: 'created', jobs: [] });
  }
}

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
