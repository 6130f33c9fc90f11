import type { Evaluation } from '../evaluation.js';
import type { Trips } from '../trips.js';

/** Errors of the trips that belong together. */
export interface ErrorGroup {
  rows: number;
  rmseWithoutTime: number;
  rmseWithTime: number;
}

/** Root mean squared errors by group; `groupOf` gives a trip's group, 0 to `groups` - 1. */
export function errorsByGroup(
  { trips, evaluation }: { trips: Trips; evaluation: Evaluation },
  groups: number,
  groupOf: (row: number) => number,
): ErrorGroup[] {
  const sums = Array.from({ length: groups }, () => ({ rows: 0, withoutTime: 0, withTime: 0 }));
  for (let row = 0; row < trips.length; row++) {
    const sum = sums[groupOf(row)]!;
    const actual = trips.durationMinutes[row]!;
    sum.rows++;
    sum.withoutTime += (evaluation.withoutTime.minutes[row]! - actual) ** 2;
    sum.withTime += (evaluation.withTime.minutes[row]! - actual) ** 2;
  }
  return sums.map(({ rows, withoutTime, withTime }) => ({
    rows,
    rmseWithoutTime: Math.sqrt(withoutTime / Math.max(1, rows)),
    rmseWithTime: Math.sqrt(withTime / Math.max(1, rows)),
  }));
}
