import { recordedDistance, type Trips } from '../trips.js';
import { PAIR_ROWS, pairIndex, ZONE_ROWS } from '../zones.js';
import { fitEffects } from './effects.js';

/** Numbers a zone has in {@link Lookups.zones}: duration and pace, as deviations from the mean trip. */
export const ZONE_LOOKUPS = 2;
/** Numbers a pair has in {@link Lookups.pairs}: duration, pace, distance, and how many trips they rest on. */
export const PAIR_LOOKUPS = 4;

/** Statistics of past trips by zone and by pair of zones, scaled to the order of 1. */
export interface Lookups {
  /** `ZONE_LOOKUPS` numbers for each zone as an origin, then for each as a destination. */
  zones: Float32Array;
  /** `PAIR_LOOKUPS` numbers for each pair, at its `pairIndex`. */
  pairs: Float32Array;
}

// Distances that say something about speed.
const SPEED_RANGE_MILES = { minimum: 0.05, maximum: 60 };

/** Tables from the trips of `rows`. */
export function fitLookups(trips: Trips, rows: Int32Array): Lookups {
  const distanceOf = (row: number): number => recordedDistance(trips.distanceMiles[row]!);
  const withSpeed = rows.filter((row) => {
    const miles = distanceOf(row);
    return miles >= SPEED_RANGE_MILES.minimum && miles <= SPEED_RANGE_MILES.maximum;
  });
  const duration = fitEffects(trips, rows, (row) => trips.durationMinutes[row]!);
  // Half a mile is added so that waiting at the start of a short trip does not look like a crawl.
  const pace = fitEffects(trips, withSpeed, (row) =>
    Math.log(trips.durationMinutes[row]! / (distanceOf(row) + 0.5)),
  );
  const distance = fitEffects(trips, withSpeed, (row) => Math.log(distanceOf(row)));
  const zones = new Float32Array(2 * ZONE_ROWS * ZONE_LOOKUPS);
  for (let zone = 0; zone < ZONE_ROWS; zone++) {
    zones.set([duration.pickup[zone]! / 5, pace.pickup[zone]! * 2], zone * ZONE_LOOKUPS);
    zones.set([duration.dropoff[zone]! / 5, pace.dropoff[zone]! * 2], (ZONE_ROWS + zone) * ZONE_LOOKUPS);
  }
  const pairs = new Float32Array(PAIR_ROWS * PAIR_LOOKUPS);
  const familiarity = familiarityOf(trips, rows);
  for (let pair = 0, at = 0; pair < PAIR_ROWS; pair++, at += PAIR_LOOKUPS) {
    pairs[at] = (duration.pair[pair]! - duration.mean) / 10;
    pairs[at + 1] = (pace.pair[pair]! - pace.mean) * 2;
    pairs[at + 2] = distance.pair[pair]! - 0.8;
    pairs[at + 3] = familiarity[pair]!;
  }
  return { zones, pairs };
}

/** Reliability of a pair's figures: log(1 + its trips), scaled. */
function familiarityOf(trips: Trips, rows: Int32Array): Float64Array {
  const counts = new Float64Array(PAIR_ROWS);
  for (const row of rows) counts[pairIndex(trips.pickupZone[row]!, trips.dropoffZone[row]!)]!++;
  // Most pairs have no trips, and a logarithm takes longer than a look.
  return counts.map((count) => (count === 0 ? 0 : Math.log1p(count) / 3) - 0.7);
}
