import type { RedisReply } from '../redis/redis.js';
import { addHistogram } from './histogram.js';

/** Counters of a model over a stretch of time, by the names of their fields in Redis. */
const COUNTED = [
  'submitted',
  'succeeded',
  'failed',
  'canceled',
  'expired',
  'rows',
  'batches',
  'batch_jobs',
] as const;
type Counted = (typeof COUNTED)[number];
export type Counts = Record<Counted, number>;

/** Counts and durations over a stretch of time, of one model or of all. */
export interface Tally {
  /**
   * Jobs by how they ended, and how many were submitted. `rows`: rows of batches that were run. `batches`: micro-batches,
   * and `batch_jobs` the jobs in them.
   */
  counts: Counts;
  /** From submission to the end, of jobs that ran. */
  total: Map<number, number>;
  /** From submission to the start of the run that ended the job. */
  wait: Map<number, number>;
}

export const emptyTally = (): Tally => ({
  counts: Object.fromEntries(COUNTED.map((name) => [name, 0])) as Counts,
  total: new Map(),
  wait: new Map(),
});

export function addCounts(to: Counts, more: Readonly<Counts>): void {
  for (const name of COUNTED) to[name] += more[name];
}

/** Adds one tally to another. */
export function addTally(to: Tally, more: Tally): void {
  addCounts(to.counts, more.counts);
  addHistogram(to.total, more.total);
  addHistogram(to.wait, more.wait);
}

/** Reads the fields and values of one minute's hash. Fields that another version may have added are ignored. */
export function parseTally(flat: readonly RedisReply[]): Tally {
  const tally = emptyTally();
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const field = String(flat[i]);
    const value = Number(flat[i + 1]);
    const [, kind, bucket] = /^([tw])(\d+)$/.exec(field) ?? [];
    if (kind !== undefined) (kind === 't' ? tally.total : tally.wait).set(Number(bucket), value);
    else if (isCounted(field)) tally.counts[field] = value;
  }
  return tally;
}

const isCounted = (name: string): name is Counted => COUNTED.some((known) => known === name);
