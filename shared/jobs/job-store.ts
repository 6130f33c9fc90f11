import { coalesce } from '../process/coalesce.js';
import { listOf, type RecordScripts } from '../records/records.js';
import type { Job, OpenJob } from './job.js';
import { baseOf, endJob, outcomeOf, ownerWord, readHold, readRecord } from './record.js';

/** Records that are read together at most, and jobs that one script reads. */
const READ_AT_ONCE = 256;
const VIEWED_AT_ONCE = 50;

/** Reads and cancels jobs: the API's side. Rejects with RedisUnavailableError while Redis is away. */
export class JobStore {
  readonly #records: RecordScripts;
  readonly #read: (id: string) => Promise<string | undefined>;
  readonly #viewOne: (id: string) => Promise<Job | undefined>;

  constructor(records: RecordScripts) {
    this.#records = records;
    this.#read = coalesce(READ_AT_ONCE, async (ids) => {
      const keys = ids.map((id) => records.key(`job:${id}`));
      return listOf(await records.redis.command(['MGET', ...keys])).map((text) =>
        text === null ? undefined : String(text),
      );
    });
    this.#viewOne = coalesce(VIEWED_AT_ONCE, (ids) => this.#view(ids));
  }

  /** The job, or undefined when there is none (any more). One round trip, and one more while it has not ended. */
  async find(id: string): Promise<Job | undefined> {
    const found = await this.look(id);
    return found && ('state' in found ? found : this.findOpen(id));
  }

  /** The job if it has ended, else its immutable members. One round trip, which calls of the same moment share. */
  async look(id: string): Promise<Job | OpenJob | undefined> {
    const text = await this.#read(id);
    if (text === undefined) return undefined;
    const line = outcomeOf(text);
    const record = readRecord(id, text);
    const base = baseOf(id, record, record.inputJson, 0);
    if (line === undefined) return { ...base, replyTo: record.replyTo };
    return this.#unlessOver(endJob(base, line));
  }

  /** The job, wherever it stands. One round trip, which calls of the same moment share. */
  async findOpen(id: string): Promise<Job | undefined> {
    const job = await this.#viewOne(id);
    // A worker took it, or gave it back, while it was looked for where it had stood.
    const isNowhere =
      job?.state === 'queued' && job.waitingBefore === undefined && job.startsMs === undefined;
    return isNowhere ? this.#viewOne(id) : job;
  }

  /** Jobs of these ids, in their order; those that are not there are left out. */
  async findAll(ids: readonly string[]): Promise<Job[]> {
    const found: (Job | undefined)[] = [];
    for (let at = 0; at < ids.length; at += VIEWED_AT_ONCE) {
      found.push(...(await this.#view(ids.slice(at, at + VIEWED_AT_ONCE))));
    }
    return found.filter((job) => job !== undefined);
  }

  async #view(ids: readonly string[]): Promise<(Job | undefined)[]> {
    const flat = listOf(await this.#records.run('view', ids)).map(String);
    return ids.map((id, index) => {
      const job = viewOf(id, flat.slice(5 * index, 5 * index + 5));
      return job && this.#unlessOver(job);
    });
  }

  /** The input of a job in JSON; undefined once it has gone. One round trip where it does not stand in the record. */
  async inputOf({ id, inputJson }: Job): Promise<string | undefined> {
    if (inputJson !== undefined) return inputJson;
    const text = await this.#records.redis.command(['GET', this.#records.key(`in:${id}`)]);
    return text === null ? undefined : String(text);
  }

  /** A record is there for a moment after its time: the sweeper removes it. */
  #unlessOver(job: Job): Job | undefined {
    return 'expiresMs' in job && job.expiresMs <= this.#records.redis.nowMs() ? undefined : job;
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
    const word = await this.#records.promise('cancel', [id, owner === undefined ? '*' : ownerWord(owner)]);
    return word === 'canceled' || word === 'canceling' || word === 'ended' ? word : 'gone';
  }
}

function viewOf(id: string, words: readonly string[]): Job | undefined {
  const [text = '', hold = '', state, place = '', due = ''] = words;
  if (text === '') return undefined;
  const record = readRecord(id, text);
  const line = outcomeOf(text);
  if (line !== undefined) return endJob(baseOf(id, record, record.inputJson, 0), line);
  const held = hold === '' ? undefined : readHold(hold);
  const base = baseOf(id, record, record.inputJson, held?.attempts ?? 0);
  if (state === 'running' || state === 'canceling') {
    return { ...base, state, startedMs: Math.max(held?.startedMs ?? 0, record.createdMs) };
  }
  return {
    ...base,
    state: 'queued',
    queueDeadlineMs: base.attempts === 0 ? record.deadlineMs : undefined,
    startsMs: due === '' ? undefined : Number(due),
    waitingBefore: place === '' ? undefined : Number(place),
  };
}
