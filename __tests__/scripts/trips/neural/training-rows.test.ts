import { fitLookups, PAIR_LOOKUPS } from '../../../../scripts/trips/neural/lookups.js';
import { divideTrips, rowsOf } from '../../../../scripts/trips/neural/training-rows.js';
import { createRandom } from '../../../../scripts/lib/random.js';
import type { Trips } from '../../../../scripts/trips/trips.js';
import { pairIndex } from '../../../../scripts/trips/zones.js';

/** Trips between zones 1 and 2 of ten minutes, and one from 3 to 4 of fifty. */
function tripsWithOneOutlier(length: number): Trips {
  const last = length - 1;
  return {
    length,
    pickupZone: Int32Array.from({ length }, (_, row) => (row === last ? 3 : 1)),
    dropoffZone: Int32Array.from({ length }, (_, row) => (row === last ? 4 : 2)),
    distanceMiles: new Float64Array(length).fill(2),
    pickupLocalMs: new Float64Array(length),
    durationMinutes: Float64Array.from({ length }, (_, row) => (row === last ? 50 : 10)),
  };
}

describe('fitLookups', () => {
  const trips = tripsWithOneOutlier(101);
  const { pairs } = fitLookups(trips, rowsOf(trips));
  const duration = (pickup: number, dropoff: number) =>
    pairs[pairIndex(pickup, dropoff) * PAIR_LOOKUPS]! * 10;

  it('tells pairs apart, a rare one less than it deviates', () => {
    expect(duration(1, 2)).toBeLessThan(0);
    expect(duration(3, 4)).toBeGreaterThan(5);
    expect(duration(3, 4)).toBeLessThan(40);
  });

  it('judges an unseen pair by its zones, and unknown zones as the mean trip', () => {
    expect(duration(3, 2)).toBeGreaterThan(duration(1, 2));
    expect(duration(3, 2)).toBeLessThan(duration(3, 4));
    expect(duration(100, 200)).toBeCloseTo(0, 5);
  });

  it('counts the trips behind a pair', () => {
    const count = (pair: number) => Math.expm1((pairs[pair * PAIR_LOOKUPS + 3]! + 0.7) * 3);
    expect(count(pairIndex(1, 2))).toBeCloseTo(100, 2);
    expect(count(pairIndex(5, 5))).toBeCloseTo(0, 5);
  });
});

describe('divideTrips', () => {
  it('keeps a tenth back and shows no row a table that rests on itself', () => {
    const trips = tripsWithOneOutlier(1000);
    // Whichever part the one long trip falls into, its tables hold no trip from 3 to 4 but, kept back, none either.
    const { examples, holdout } = divideTrips(trips, createRandom(5));
    expect([examples.length, holdout.length]).toEqual([900, 100]);
    const parts = [examples, holdout];
    const outlier = parts
      .map((part) => ({ part, row: part.minutes.indexOf(50) }))
      .find(({ row }) => row >= 0);
    const own = outlier!.part.pairLookups.subarray(
      outlier!.row * PAIR_LOOKUPS,
      (outlier!.row + 1) * PAIR_LOOKUPS,
    );
    expect(Math.expm1((own[3]! + 0.7) * 3)).toBeCloseTo(0, 5);
  });
});
