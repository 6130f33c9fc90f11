/**
 * Durations in buckets of a constant ratio, as `bucket_of` in lua/parts/history.lua counts them: bucket `b` holds durations
 * between `0.125 * 2^(b/4)` and `0.125 * 2^((b+1)/4)` ms.
 */
export type Histogram = ReadonlyMap<number, number>;

const SMALLEST_MS = 0.125;
const PER_DOUBLING = 4;

/** Lower bound of a bucket, in ms. */
const startOf = (bucket: number): number => SMALLEST_MS * 2 ** (bucket / PER_DOUBLING);

/** The bucket that a duration counts in. */
export const bucketOf = (ms: number): number =>
  ms <= SMALLEST_MS ? 0 : Math.floor(PER_DOUBLING * Math.log2(ms / SMALLEST_MS));

/**
 * The duration below which a share of all durations lies, in ms; undefined of an empty histogram. Interpolates within the bucket,
 * so that it is off by a tenth at most.
 */
export function percentileMs(histogram: Histogram, share: number): number | undefined {
  let total = 0;
  for (const count of histogram.values()) total += count;
  if (total === 0) return undefined;
  const wanted = share * total;
  let below = 0;
  const buckets = [...histogram].toSorted(([a], [b]) => a - b);
  for (const [bucket, count] of buckets) {
    if (below + count >= wanted) return startOf(bucket + (wanted - below) / count);
    below += count;
  }
  return startOf((buckets.at(-1)?.[0] ?? 0) + 1);
}

/** Adds one histogram to another. */
export function addHistogram(to: Map<number, number>, more: Histogram): void {
  for (const [bucket, count] of more) to.set(bucket, (to.get(bucket) ?? 0) + count);
}
