import { PRIORITIES, type Priority } from '../contract/states.js';
import { createCalls } from '../queue/bee-queue.js';
import type { RedisReply } from '../redis/redis.js';
import type { RecordScripts } from '../records/records.js';
import { type Accepting, asCreated, MOST_AT_A_TIME, type QueuedJob } from './new-job.js';
import { keyWord, ownerWord } from './record.js';

/** A depth that Redis told is trusted for this time, in ms. */
const DEPTH_KNOWN_MS = 1_000;
/** Depth and as many jobs as may come together have to stay below this part of `maxDepth`. */
const ROOM = 0.8;
/** Calls of workers that wait at most: any of them leads to a claim. */
const MOST_CALLS = 64;
/** Time to live of a minute of the history, in ms. */
const HISTORY_MS = 25 * 3_600_000;

/** What an answer told of a queue. */
interface KnownQueue {
  depth: number;
  calls: number;
  seenMs: number;
}

/** Writes jobs of which nothing has to be looked at before, as the depth of their queue was known a moment ago. */
export class OutrightWrites {
  readonly #records: RecordScripts;
  readonly #known = new Map<string, KnownQueue>();
  /** Jobs of each model that are written at this moment. */
  readonly #underWay = new Map<string, number>();
  readonly #newCall = createCalls();

  constructor(records: RecordScripts) {
    this.#records = records;
  }

  /** Whether the jobs can be written outright: they are nobody's, without a key or a delay, and their queue has room. */
  allows(jobs: readonly Accepting[]): boolean {
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
  async write(some: readonly Accepting[]): Promise<QueuedJob[]> {
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
      this.learn(model, high + normal + low + delayed, calls);
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
    const minute = key(`minute:${model}:${Math.floor((ones.at(-1)?.record.createdMs ?? 0) / 60_000)}`);
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

  /** Notes how many jobs and calls wait in a queue. */
  learn(model: string, depth: number, calls: number): void {
    this.#known.set(model, { depth, calls, seenMs: performance.now() });
  }
}
