import { listOf, type RecordScripts } from '../records/records.js';
import { parseTally, type Tally } from './tally.js';

/** Jobs or chunks of one queue: waiting and running. */
export interface QueueDepth {
  /** Those that are to start later included. */
  waiting: number;
  /** Those of them whose time has not come. */
  delayed: number;
  running: number;
  /** Undefined when none waits. */
  oldestCreatedMs: number | undefined;
}

/** Depths of queues at one moment. */
export interface Depths {
  /** Unix time of Redis's clock. */
  nowMs: number;
  /** Jobs and chunks of batches. */
  running: number;
  /** In the order in which the queues were asked for. */
  queues: QueueDepth[];
}

/** The depths of the same queues in several partitions, together. */
export function sumDepths(parts: readonly Depths[]): Depths {
  return {
    nowMs: Math.max(0, ...parts.map(({ nowMs }) => nowMs)),
    running: sumOf(parts.map(({ running }) => running)),
    queues: (parts[0]?.queues ?? []).map((_, index) => {
      const same = parts.flatMap(({ queues }) => queues[index] ?? []);
      const oldest = Math.min(...same.map(({ oldestCreatedMs = Infinity }) => oldestCreatedMs));
      return {
        waiting: sumOf(same.map(({ waiting }) => waiting)),
        delayed: sumOf(same.map(({ delayed }) => delayed)),
        running: sumOf(same.map(({ running }) => running)),
        oldestCreatedMs: Number.isFinite(oldest) ? oldest : undefined,
      };
    }),
  };
}

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

/** Time to live of a minute of the history: a day, and an hour in which it can still be read. */
export const HISTORY_MINUTES = 25 * 60;
/** Minutes that one script run reads: a run blocks Redis for about a millisecond at most. */
const MINUTES_AT_ONCE = 60;

/** Reads the counters that the scripts write. Rejects with RedisUnavailableError while Redis is away. */
export class StatsStore {
  constructor(private readonly records: RecordScripts) {}

  /** One round trip, O(queues). */
  async depths(queues: readonly string[]): Promise<Depths> {
    const [nowMs, running, ...flat] = listOf(await this.records.run('stats', queues));
    return {
      nowMs: Number(nowMs),
      running: Number(running),
      queues: queues.map((_, index) => ({
        waiting: Number(flat[4 * index]),
        oldestCreatedMs: flat[4 * index + 1] ? Number(flat[4 * index + 1]) : undefined,
        running: Number(flat[4 * index + 2]),
        delayed: Number(flat[4 * index + 3]),
      })),
    };
  }

  /** The minutes from `first` on in which anything was counted; minutes are counted from the Unix epoch. */
  async minutes(
    model: string,
    { first, count }: { first: number; count: number },
  ): Promise<Map<number, Tally>> {
    const stretches: Promise<[number, Tally][]>[] = [];
    for (let done = 0; done < count; done += MINUTES_AT_ONCE) {
      stretches.push(this.#stretch(model, first + done, Math.min(MINUTES_AT_ONCE, count - done)));
    }
    return new Map((await Promise.all(stretches)).flat());
  }

  async #stretch(model: string, first: number, count: number): Promise<[number, Tally][]> {
    const flat = listOf(await this.records.run('history', [model, String(first), String(count)]));
    const found: [number, Tally][] = [];
    for (let i = 0; i + 1 < flat.length; i += 2) {
      found.push([Number(flat[i]), parseTally(listOf(flat[i + 1]))]);
    }
    return found;
  }
}
