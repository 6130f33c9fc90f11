import { PRIORITIES, type Priority } from '../contract/states.js';
import { createCalls } from '../queue/bee-queue.js';
import type { RedisReply } from '../redis/redis.js';
import type { RecordScripts } from '../records/records.js';
import { type Accepting, asCreated, MOST_AT_A_TIME, type QueuedJob } from './new-job.js';
import { byModelAndOwner, isDelayed, jobWrites } from './job-writes.js';
import { creationWord } from './record.js';

/** A depth that Redis told is trusted for this time, in ms. */
const DEPTH_KNOWN_MS = 1_000;
/** Depth and as many jobs as may come together have to stay below this part of `maxDepth`. */
const ROOM = 0.8;
/** Calls of workers that wait at most: any of them leads to a claim. */
const MOST_CALLS = 64;

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
        !isDelayed(record) &&
        known !== undefined &&
        nowMs - known.seenMs < DEPTH_KNOWN_MS &&
        known.depth + (this.#underWay.get(job.model) ?? 0) + MOST_AT_A_TIME < ROOM * maxDepth
      );
    });
  }

  /** Writes jobs outright, in one transaction. Never to be repeated: the jobs would run twice. */
  async write(some: readonly Accepting[]): Promise<QueuedJob[]> {
    const groups = byModelAndOwner(some);
    const commands: string[][] = [];
    const depthsAt: [jobs: Accepting[], model: string, at: number][] = [];
    for (const group of groups) {
      const { model, jobs } = group;
      this.#count(model, jobs.length);
      commands.push(...jobWrites(this.#records, group), ...this.#placesAndCall(model, jobs));
      depthsAt.push([jobs, model, commands.length]);
      commands.push(...PRIORITIES.map((lane) => ['ZCARD', this.#records.key(`queued:${model}:${lane}`)]));
      commands.push(['ZCARD', this.#records.key(`delayed:${model}`)]);
      commands.push(['LLEN', this.#records.key(`bq:${model}:waiting`)]);
    }
    let replies: RedisReply[];
    try {
      replies = await this.#records.promised.transaction(commands);
    } finally {
      for (const { model, jobs } of groups) this.#count(model, -jobs.length);
    }
    const created = new Map<Accepting, QueuedJob>();
    for (const [jobs, model, at] of depthsAt) {
      const [high = 0, normal = 0, low = 0, delayed = 0, calls = 0] = replies.slice(at, at + 5).map(Number);
      this.learn(model, high + normal + low + delayed, calls);
      const left = { high, normal, low };
      const before = { high: 0, normal: high, low: high + normal };
      for (const one of jobs.toReversed()) {
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

  #placesAndCall(model: string, jobs: readonly Accepting[]): string[][] {
    const lanes: Record<Priority, string[]> = { high: [], normal: [], low: [] };
    for (const { job, record } of jobs) lanes[record.priority].push(creationWord(record), job.id);
    const places = PRIORITIES.filter((lane) => lanes[lane].length > 0).map((lane) =>
      ['ZADD', this.#records.key(`queued:${model}:${lane}`)].concat(lanes[lane]),
    );
    if ((this.#known.get(model)?.calls ?? 0) >= MOST_CALLS) return places;
    const call = this.#newCall();
    return [
      ...places,
      ['HSET', this.#records.key(`bq:${model}:jobs`), call.id, call.entry],
      ['LPUSH', this.#records.key(`bq:${model}:waiting`), call.id],
    ];
  }

  /** Notes how many jobs and calls wait in a queue. */
  learn(model: string, depth: number, calls: number): void {
    this.#known.set(model, { depth, calls, seenMs: performance.now() });
  }
}
