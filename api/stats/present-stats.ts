import type { Figures, Point, WorkerBody } from '../../shared/contract/stats.js';
import { percentileMs } from '../../shared/stats/histogram.js';
import type { QueueDepth } from '../../shared/stats/stats-store.js';
import { addCounts, addTally, type Counts, emptyTally, type Tally } from '../../shared/stats/tally.js';
import type { SeenWorker } from '../../shared/workers/registry.js';

const MINUTE_MS = 60_000;

/** The sum of some tallies. */
export function sumOf(tallies: Iterable<Tally>): Tally {
  const sum = emptyTally();
  for (const tally of tallies) addTally(sum, tally);
  return sum;
}

/** The sum of the counts alone: adding up the durations of a day every second would cost too much. */
export function sumCounts(tallies: Iterable<Tally>): Counts {
  const { counts } = emptyTally();
  for (const tally of tallies) addCounts(counts, tally.counts);
  return counts;
}

/** What figures are made of. */
export interface Work {
  nowMs: number;
  /** Length of the window over which rates are taken. */
  windowMs: number;
  jobs: readonly QueueDepth[];
  chunks: readonly QueueDepth[];
  lately: Tally;
  lastDay: Counts;
}

/** Figures of one or of several models together. */
export function presentFigures({ nowMs, windowMs, jobs, chunks, lately, lastDay }: Work): Figures {
  const oldest = Math.min(...jobs.map(({ oldestCreatedMs }) => oldestCreatedMs ?? Infinity));
  const perSecond = (count: number): number => round(count / (windowMs / 1000));
  const { counts } = lately;
  return {
    waiting: totalOf(jobs),
    chunks_waiting: totalOf(chunks),
    oldest_waiting_ms: Number.isFinite(oldest) ? round(Math.max(0, nowMs - oldest)) : undefined,
    per_second: {
      submitted: perSecond(counts.submitted),
      ended: perSecond(counts.succeeded + counts.failed + counts.canceled + counts.expired),
      rows: perSecond(counts.rows),
    },
    ...presentTimes(lately),
    last_day: presentCounts({ counts: lastDay }),
  };
}

/** The points of a history, each of which sums up `minutesPerPoint` minutes. */
export function presentPoints(minutes: ReadonlyMap<number, Tally>, minutesPerPoint: number): Point[] {
  const points = new Map<number, Tally>();
  for (const [minute, tally] of minutes) {
    const first = minute - (minute % minutesPerPoint);
    const sum = points.get(first) ?? emptyTally();
    addTally(sum, tally);
    points.set(first, sum);
  }
  return [...points].toSorted(([a], [b]) => a - b).map(presentPoint);
}

const presentPoint = ([minute, tally]: [number, Tally]): Point => ({
  at: new Date(minute * MINUTE_MS).toISOString(),
  ...presentCounts(tally),
  ...presentTimes(tally),
});

export const presentWorker = ({
  id,
  host,
  pid,
  startedAtMs,
  seenMsAgo,
  models,
  refused = [],
}: SeenWorker): WorkerBody => ({
  id,
  host,
  pid,
  started_at: new Date(startedAtMs).toISOString(),
  seen_ms_ago: seenMsAgo,
  refused,
  models: models.map((model) => ({
    name: model.name,
    version: model.version,
    engine: model.engine,
    device: model.device,
    jobs: model.jobs,
    batches: model.batches,
    last_batch_size: model.lastBatchSize,
    mean_batch_size: round(model.meanBatchSize),
  })),
});

const totalOf = (depths: readonly QueueDepth[]): number =>
  depths.reduce((sum, { waiting }) => sum + waiting, 0);

function presentCounts({ counts }: { counts: Counts }) {
  const { submitted, succeeded, failed, canceled, expired, rows } = counts;
  return { submitted, succeeded, failed, canceled, expired, rows };
}

function presentTimes({
  counts,
  total,
  wait,
}: Tally): Pick<Point, 'total_ms' | 'wait_ms' | 'mean_batch_size'> {
  return {
    total_ms: percentilesOf(total),
    wait_ms: percentilesOf(wait),
    mean_batch_size: counts.batches > 0 ? round(counts.batch_jobs / counts.batches) : undefined,
  };
}

function percentilesOf(histogram: ReadonlyMap<number, number>): Point['total_ms'] {
  if (histogram.size === 0) return undefined;
  const at = (share: number): number => round(percentileMs(histogram, share) ?? 0);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

const round = (value: number): number => Math.round(value * 100) / 100;
