import { SLOTS, slotOf } from '../redis/key-slot.js';

/** An id names its partition in two hexadecimal digits: with so many a worker can still hold connections to all. */
export const MOST_PARTITIONS = 64;

/** Which of a deployment's partitions: `index` from 0. */
export interface PartitionPlace {
  index: number;
  count: number;
}

export const ONLY_PARTITION: PartitionPlace = { index: 0, count: 1 };

/**
 * The hash tag of a partition: a Redis Cluster keeps all its keys in one slot, so that a script may touch any of them. The
 * slots of all partitions lie evenly among the slots, so that masters with equal shares of the slots get equal shares of the
 * partitions. The first is `w0` however many there are: it is where processes look first.
 */
export function partitionTag({ index, count }: PartitionPlace): string {
  const windowOf = (tag: string): number => Math.floor((slotOf(tag) * count) / SLOTS);
  const wanted = (windowOf('w0') + index) % count;
  for (let attempt = 0; ; attempt += 1) {
    const tag = attempt === 0 ? `w${index}` : `w${index}.${attempt}`;
    if (windowOf(tag) === wanted) return tag;
  }
}
