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
import { acceptWords, keyText, type Run, runsOf } from './accept-words.js';
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
   * jobs, or the owner its share of them. One round trip, which jobs that come at the same moment share, and another one where
   * one of these is refused. Where it rejects the job may exist.
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

  /**
   * Accepts groups of jobs of which something has to be looked at first. Of those of one key the first is sent, and decides for
   * the others. Only the last call writes: where one rejects, no job is known to exist.
   */
  async #check(groups: readonly Group[]): Promise<AllCreated[]> {
    const answers = new Map<Group, AllCreated>();
    let left = groups;
    while (left.length > 0) {
      const firsts = new Map(left.toReversed().map((group) => [nameOf(group), group]));
      const sent = left.filter((group) => firsts.get(nameOf(group)) === group);
      const runs = runsOf(sent);
      const words = acceptWords(this.#records, sent, runs);
      const reply = listOf(await this.#records.promise('accept', words));
      const made =
        reply[0] === 'created'
          ? this.#created(sent, runs, reply, answers)
          : noteRefusals(sent, reply, answers);
      for (const group of left) {
        if (answers.has(group)) continue;
        const first = firsts.get(nameOf(group)) ?? group;
        const text = made.get(first);
        const answer = answers.get(first);
        if (text !== undefined) answers.set(group, replayOf(group, text));
        else if (answer && first.key?.fingerprint === group.key?.fingerprint) answers.set(group, answer);
      }
      left = left.filter((group) => !answers.has(group));
    }
    return groups.map((group) => answers.get(group) ?? { kind: 'mismatch' });
  }

  /** Notes the answers to groups that were accepted; returns what the keys of these have made by that. */
  #created(
    groups: readonly Group[],
    runs: readonly Run[],
    reply: readonly RedisReply[],
    answers: Map<Group, AllCreated>,
  ): Map<Group, string> {
    const [places, queues, depths] = reply.slice(1).map(listOf);
    queues?.forEach((queue, n) => this.#outright.learn(String(queue), Number(depths?.[n]), 0));
    const placeOf = new Map<Accepting, number>();
    const inOrder = runs.flatMap(({ jobs }) => jobs);
    inOrder.forEach((one, n) => placeOf.set(one, Number(places?.[n])));
    const made = new Map<Group, string>();
    for (const group of groups) {
      const jobs = group.jobs.map((one) => asCreated(one, placeOf.get(one) ?? 0));
      answers.set(group, { kind: 'created', jobs });
      if (group.key) made.set(group, keyText(group.key));
    }
    return made;
  }
}

/** Groups of one name are of one key. */
const nameOf = (group: Group): string | Group => (group.key ? wordOf(group.key) : group);

/** Notes which groups find no room; returns what the keys of others have made. Nothing was written: the rest is sent again. */
function noteRefusals(
  groups: readonly Group[],
  reply: readonly RedisReply[],
  answers: Map<Group, AllCreated>,
): Map<Group, string> {
  const made = new Map<Group, string>();
  for (const [n, group] of groups.entries()) {
    const [kind, detail, queue] = listOf(reply[n]);
    if (kind === 'made') made.set(group, String(detail));
    if (kind === 'full' || kind === 'share') {
      answers.set(group, { kind: 'refused', model: String(queue), why: noRoom(kind, detail) });
    }
  }
  return made;
}

/** The answer to a group whose key has made something before. */
function replayOf({ key }: Group, text: string): AllCreated {
  const [made = '', fingerprint] = text.split(' ');
  return fingerprint === key?.fingerprint
    ? { kind: 'replayed', made: made.split(',') }
    : { kind: 'mismatch' };
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
