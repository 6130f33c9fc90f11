/** Largest difference between two engines' answers to the example that is put down to rounding. */
export const TOLERANCE = 1e-3;

/** Two numbers that should be the same; the difference is relative to what is expected, absolute below 1. */
export interface Difference {
  difference: number;
  found: number;
  expected: number;
}

/** The numbers of two answers that lie furthest apart. A number that is missing, or is none, is infinitely far away. */
export function worstDifference(
  answer: readonly Float32Array[],
  wanted: readonly Float32Array[],
): Difference {
  let worst: Difference = { difference: 0, found: 0, expected: 0 };
  wanted.forEach((values, output) => {
    values.forEach((expected, i) => {
      const found = answer[output]?.[i] ?? Number.NaN;
      const relative = Math.abs(found - expected) / Math.max(1, Math.abs(expected));
      const difference = Number.isNaN(relative) ? Number.POSITIVE_INFINITY : relative;
      if (difference > worst.difference) worst = { difference, found, expected };
    });
  });
  return worst;
}
