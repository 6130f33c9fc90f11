/** Miles at which the predicted speed may change; the last one is where the prediction stays flat. */
const KNOTS_MILES = [0, 0.3, 0.6, 1, 1.5, 2, 2.5, 3, 4, 5, 6.5, 8, 10, 13, 16, 20, 25, 32, 40];

/** Distances up to a millionth of a mile count as not recorded; trip files have hundredths. */
const RECORDED_FROM_MILES = 1e-6;

/** Largest value of each number of the basis: divided by it, coefficients are of the order of 1. */
export const BASIS_MAXIMUM = 10;

/**
 * A distance as numbers between 0 and {@link BASIS_MAXIMUM}, each a clipped line a + b x miles: a constant, one
 * that stands for "not recorded" (distance 0), and one for every stretch between two knots, which rises over its
 * stretch and stays. A sum of them with coefficients above 0 can therefore never fall as a distance grows.
 */
export function distanceBasis(): { slopes: number[]; offsets: number[] } {
  const slopes = [0, -BASIS_MAXIMUM / RECORDED_FROM_MILES];
  const offsets = [BASIS_MAXIMUM, BASIS_MAXIMUM];
  KNOTS_MILES.slice(1).forEach((end, index) => {
    const start = KNOTS_MILES[index]!;
    slopes.push(BASIS_MAXIMUM / (end - start));
    offsets.push((-start * BASIS_MAXIMUM) / (end - start));
  });
  return { slopes, offsets };
}
