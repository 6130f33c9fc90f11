import { createHash } from 'node:crypto';
import { BatchStore } from '../shared/batches/batch-store.js';
import { NotReplicatedError, RedisUnavailableError } from '../shared/errors.js';
import type { KeepInput } from '../shared/jobs/job.js';
import { JobIntake } from '../shared/jobs/job-intake.js';
import type { Cursor, Page, PageWish } from '../shared/jobs/job-list.js';
import { JobStore } from '../shared/jobs/job-store.js';
import type { Partition } from '../shared/records/open-partitions.js';
import type { RecordScripts } from '../shared/records/records.js';
import { StatsStore } from '../shared/stats/stats-store.js';
import { readWorkers, type SeenWorker } from '../shared/workers/registry.js';
import { createRedisDeadline, type RedisDeadline } from './redis-deadline.js';

/** A partition with the stores of its records. */
export interface ApiPartition {
  index: number;
  records: RecordScripts;
  intake: JobIntake;
  jobs: JobStore;
  batches: BatchStore;
  stats: StatsStore;
}

/** What was read of the partitions that answered, and the numbers of the others. */
export interface ReadAll<T> {
  found: T[];
  missing: number[];
}

/** A page of several partitions; `missing`: the numbers of those that did not answer. */
export type MergedPage<T> = Page<T> & Pick<ReadAll<T>, 'missing'>;

/** After a failure a partition gets nothing new for this time, in ms. */
const AWAY_MS = 1_000;

/** The partitions of the records: which of them holds a record, and which takes the next. */
export class Partitions {
  readonly all: readonly ApiPartition[];
  /** The first, in which workers register. */
  readonly home: ApiPartition;
  readonly #withinDeadline: RedisDeadline;
  /** Until when each counts as away, by its number. */
  readonly #awayUntilMs: number[];
  /** Until when each gets nothing new because too few replicas had what it got. */
  readonly #shortUntilMs: number[] = [];
  #next = Math.floor(Math.random() * 256);
  #ofThisTurn: ApiPartition | undefined;

  /** `timeoutMs`: longest time in which one partition of several has to answer; `keepInput`: of new jobs. */
  constructor(
    opened: readonly Partition[],
    { timeoutMs, keepInput }: { timeoutMs: number; keepInput: KeepInput },
  ) {
    this.all = opened.map(({ records }, index) => ({
      index,
      records,
      intake: new JobIntake(records, keepInput),
      jobs: new JobStore(records),
      batches: new BatchStore(records),
      stats: new StatsStore(records),
    }));
    this.home = this.all[0] as ApiPartition;
    this.#awayUntilMs = this.all.map(() => 0);
    this.#withinDeadline = createRedisDeadline(timeoutMs);
  }

  /** The workers that reported lately. Rejects with RedisUnavailableError while their partition is away. */
  workers(): Promise<SeenWorker[]> {
    return readWorkers(this.home.records);
  }

  /** The partition that the id of a job or a batch names by its last two digits. */
  of(id: string): ApiPartition {
    if (this.all.length === 1) return this.home;
    return this.all[Number.parseInt(id.slice(-2), 16)] ?? this.home;
  }

  /**
   * The partition of a new record: with an Idempotency-Key that of the key's hash. All records without one that come in a turn
   * of the event loop go to the same partition, those of the next turn to the next that is not away.
   */
  forNew(idempotency?: { caller: string; key: string }): ApiPartition {
    if (this.all.length === 1) return this.home;
    if (idempotency) return this.#hashed(`${idempotency.caller}\0${idempotency.key}`);
    if (this.#ofThisTurn === undefined) {
      this.#ofThisTurn = this.another();
      setImmediate(() => {
        this.#ofThisTurn = undefined;
      });
    }
    return this.#ofThisTurn;
  }

  /** The next partition that is not away. */
  another(): ApiPartition {
    const { length } = this.all;
    this.#next += 1;
    for (let step = 0; step < length; step += 1) {
      const partition = this.all[(this.#next + step) % length] as ApiPartition;
      if (this.isAway(partition) || performance.now() < (this.#shortUntilMs[partition.index] ?? 0)) continue;
      this.#next += step;
      return partition;
    }
    return this.all[this.#next % length] as ApiPartition;
  }

  /** The partition that counts for `who`: where it is away, the next by rendezvous hash. */
  counting(who: string): ApiPartition {
    if (this.all.length === 1) return this.home;
    const ranked = this.all.map((partition) => ({ partition, rank: hashOf(`${who}\0${partition.index}`) }));
    ranked.sort((a, b) => b.rank - a.rank);
    return ranked.find(({ partition }) => !this.isAway(partition))?.partition ?? this.home;
  }

  isAway({ index, records }: ApiPartition): boolean {
    return !records.redis.isUp || performance.now() < (this.#awayUntilMs[index] ?? 0);
  }

  /** Notes that a call failed, where Redis being away is the cause. */
  failed({ index }: ApiPartition, error: unknown): void {
    if (error instanceof NotReplicatedError) this.#shortUntilMs[index] = performance.now() + AWAY_MS;
    else if (error instanceof RedisUnavailableError) this.#awayUntilMs[index] = performance.now() + AWAY_MS;
  }

  /** Jobs that may wait in one queue of a partition where `most` may wait in all. */
  depth(most: number): number {
    return Math.ceil(most / this.all.length);
  }

  /** Reads from all partitions that answer in time. Rejects with RedisUnavailableError where none does. */
  async readAll<T>(read: (partition: ApiPartition) => Promise<T>): Promise<ReadAll<T>> {
    if (this.all.length === 1) return { found: [await read(this.home)], missing: [] };
    const answers = await Promise.all(
      this.all.map(async (partition) => {
        if (this.isAway(partition)) return undefined;
        try {
          const what = `reading partition ${partition.index}`;
          return { value: await this.#withinDeadline(what, () => read(partition)) };
        } catch (error) {
          if (!(error instanceof RedisUnavailableError)) throw error;
          this.failed(partition, error);
          return undefined;
        }
      }),
    );
    const found = answers.flatMap((answer) => (answer ? [answer.value] : []));
    if (found.length === 0) throw new RedisUnavailableError('reading: no partition answers');
    return { found, missing: answers.flatMap((answer, index) => (answer ? [] : [index])) };
  }

  /** The same where an answer of some is none. */
  async readEach<T>(read: (partition: ApiPartition) => Promise<T>): Promise<T[]> {
    const { found, missing } = await this.readAll(read);
    if (missing.length === 0) return found;
    throw new RedisUnavailableError(`reading: the partitions ${missing.join(', ')} do not answer`);
  }

  /** One page over all partitions, newest first. */
  async page<T extends Cursor>(
    wish: PageWish,
    read: (partition: ApiPartition, wish: PageWish) => Promise<Page<T>>,
  ): Promise<MergedPage<T>> {
    const { found: pages, missing } = await this.readAll((partition) => read(partition, wish));
    const [only] = pages;
    if (only && pages.length === 1) return { ...only, missing };
    const all = pages.flatMap(({ found }) => found).toSorted(newestFirst);
    // Behind the newest of the places where pages end, one of the partitions may have entries that nobody has looked at.
    const [frontier] = pages.flatMap(({ next }) => (next ? [next] : [])).toSorted(newestFirst);
    const known = frontier ? all.filter((entry) => newestFirst(entry, frontier) <= 0) : all;
    const found = known.slice(0, wish.limit);
    const last = found.at(-1);
    const isCut = last !== undefined && found.length < known.length;
    return { found, next: isCut ? { createdMs: last.createdMs, id: last.id } : frontier, missing };
  }

  #hashed(text: string): ApiPartition {
    return this.all[hashOf(text) % this.all.length] as ApiPartition;
  }
}

const newestFirst = (a: Cursor, b: Cursor): number =>
  b.createdMs - a.createdMs || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);

const hashOf = (text: string): number => createHash('sha1').update(text).digest().readUInt32BE();
