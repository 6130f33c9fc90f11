import type { Trips } from '../trips.js';
import { pairIndex } from '../zones.js';

/** minutes = intercept of the origin and destination + slope x miles. */
export interface LinearModel {
  /** Minutes per mile, the same for every pair. */
  slope: number;
  /** Minutes at distance 0, by {@link pairIndex}. */
  intercepts: ReadonlyMap<number, number>;
  /** Minutes at distance 0 of a pair that the training data does not hold. */
  defaultIntercept: number;
}

interface PairSums {
  count: number;
  minutes: number;
  miles: number;
}

/**
 * Ordinary least squares of minutes on one-hot pairs and the distance as recorded, solved exactly: with one
 * indicator a pair, the slope is that of deviations from the pair's means (Frisch-Waugh-Lovell), and each
 * intercept makes its pair's mean right. The default is the plain mean over pairs, which is the intercept of
 * the minimum-norm solution that scikit-learn's LinearRegression finds for the same, collinear, design.
 */
export function fitLinear(trips: Trips): LinearModel {
  const pairs = sumByPair(trips);
  let covariance = 0;
  let variance = 0;
  for (let row = 0; row < trips.length; row++) {
    const pair = pairs.get(pairIndex(trips.pickupZone[row]!, trips.dropoffZone[row]!))!;
    const miles = trips.distanceMiles[row]! - pair.miles / pair.count;
    covariance += miles * (trips.durationMinutes[row]! - pair.minutes / pair.count);
    variance += miles * miles;
  }
  const slope = variance > 0 ? covariance / variance : 0;
  const intercepts = new Map<number, number>();
  let total = 0;
  for (const [index, pair] of pairs) {
    const intercept = (pair.minutes - slope * pair.miles) / pair.count;
    intercepts.set(index, intercept);
    total += intercept;
  }
  return { slope, intercepts, defaultIntercept: total / intercepts.size };
}

/** Minutes for each trip, by its distance as recorded. */
export function predictLinear(
  { slope, intercepts, defaultIntercept }: LinearModel,
  trips: Trips,
): Float64Array {
  return trips.distanceMiles.map((miles, row) => {
    const pair = pairIndex(trips.pickupZone[row]!, trips.dropoffZone[row]!);
    return (intercepts.get(pair) ?? defaultIntercept) + slope * miles;
  });
}

function sumByPair(trips: Trips): Map<number, PairSums> {
  const pairs = new Map<number, PairSums>();
  for (let row = 0; row < trips.length; row++) {
    const index = pairIndex(trips.pickupZone[row]!, trips.dropoffZone[row]!);
    let sums = pairs.get(index);
    if (!sums) pairs.set(index, (sums = { count: 0, minutes: 0, miles: 0 }));
    sums.count++;
    sums.minutes += trips.durationMinutes[row]!;
    sums.miles += trips.distanceMiles[row]!;
  }
  return pairs;
}
