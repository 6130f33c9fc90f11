import { fitLinear, predictLinear } from '../../../../scripts/trips/linear/linear-regression.js';
import { createRandom } from '../../../../scripts/lib/random.js';
import type { Trips } from '../../../../scripts/trips/trips.js';
import { pairIndex } from '../../../../scripts/trips/zones.js';

function someTrips(length: number): Trips {
  const random = createRandom(3);
  const zones = () => Int32Array.from({ length }, () => 1 + Math.floor(random.uniform() * 3));
  const floats = (scale: number) => Float64Array.from({ length }, () => random.uniform() * scale);
  return {
    length,
    pickupZone: zones(),
    dropoffZone: zones(),
    distanceMiles: floats(10),
    pickupLocalMs: floats(1),
    durationMinutes: floats(60),
  };
}

/** Least squares by the normal equations of the full design: one column a pair, and the distance. */
function bruteForce(trips: Trips): { pairs: number[]; solution: number[] } {
  const pairs = [...new Set(Array.from({ length: trips.length }, (_, row) => pairOf(trips, row)))];
  const columns = pairs.length + 1;
  const system = Array.from({ length: columns }, () => Array.from({ length: columns + 1 }, () => 0));
  for (let row = 0; row < trips.length; row++) {
    const design = [...pairs.map((pair) => (pair === pairOf(trips, row) ? 1 : 0)), trips.distanceMiles[row]!];
    design.forEach((a, i) => {
      design.forEach((b, j) => (system[i]![j]! += a * b));
      system[i]![columns]! += a * trips.durationMinutes[row]!;
    });
  }
  for (let pivot = 0; pivot < columns; pivot++) {
    for (let row = 0; row < columns; row++) {
      if (row === pivot) continue;
      const factor = system[row]![pivot]! / system[pivot]![pivot]!;
      for (let column = pivot; column <= columns; column++) {
        system[row]![column]! -= factor * system[pivot]![column]!;
      }
    }
  }
  return { pairs, solution: system.map((row, i) => row[columns]! / row[i]!) };
}

const pairOf = (trips: Trips, row: number): number =>
  pairIndex(trips.pickupZone[row]!, trips.dropoffZone[row]!);

describe('fitLinear', () => {
  const trips = someTrips(200);
  const linear = fitLinear(trips);

  it('finds the least-squares solution', () => {
    const { pairs, solution } = bruteForce(trips);
    expect(linear.slope).toBeCloseTo(solution.at(-1)!, 9);
    pairs.forEach((pair, i) => expect(linear.intercepts.get(pair)).toBeCloseTo(solution[i]!, 9));
  });

  it('answers unseen pairs with the mean intercept', () => {
    const intercepts = [...linear.intercepts.values()];
    expect(linear.defaultIntercept).toBeCloseTo(intercepts.reduce((a, b) => a + b) / intercepts.length, 9);
    const unseen = { ...someTrips(1), pickupZone: Int32Array.of(200) };
    expect(predictLinear(linear, unseen)[0]).toBeCloseTo(
      linear.defaultIntercept + linear.slope * unseen.distanceMiles[0]!,
      9,
    );
  });

  it('leaves no error on average', () => {
    const predicted = predictLinear(linear, trips);
    const bias = predicted.reduce((sum, minutes, row) => sum + minutes - trips.durationMinutes[row]!, 0);
    expect(bias / trips.length).toBeCloseTo(0, 9);
  });

  it('has no slope where distances never differ within a pair', () => {
    const flat = { ...trips, distanceMiles: new Float64Array(trips.length).fill(2) };
    expect(fitLinear(flat).slope).toBe(0);
  });
});
