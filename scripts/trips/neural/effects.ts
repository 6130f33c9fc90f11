import type { Trips } from '../trips.js';
import { PAIR_ROWS, pairIndex, ZONE_ROWS } from '../zones.js';

// An effect rests on so many trips of the mean before its own count.
const ZONE_PRIOR_TRIPS = 20;
const PAIR_PRIOR_TRIPS = 5;

/** One figure of a trip, shrunken means of it by zone and pair, and the mean trip's. */
export interface Effects {
  mean: number;
  pickup: Float64Array;
  dropoff: Float64Array;
  pair: Float64Array;
}

/**
 * Shrunken effects of one figure: a zone's mean deviation from the mean trip, and a pair's mean deviation from
 * half the sum of its zones' effects, each pulled towards 0 by its pseudo-count.
 */
export function fitEffects(trips: Trips, rows: Int32Array, value: (row: number) => number): Effects {
  let sum = 0;
  for (const row of rows) sum += value(row);
  const mean = rows.length > 0 ? sum / rows.length : 0;
  const pickup = new ShrunkenMeans(ZONE_ROWS, ZONE_PRIOR_TRIPS);
  const dropoff = new ShrunkenMeans(ZONE_ROWS, ZONE_PRIOR_TRIPS);
  for (const row of rows) {
    pickup.add(trips.pickupZone[row]!, value(row) - mean);
    dropoff.add(trips.dropoffZone[row]!, value(row) - mean);
  }
  const byZones = (pair: number): number =>
    mean + (pickup.at(Math.floor(pair / ZONE_ROWS)) + dropoff.at(pair % ZONE_ROWS)) / 2;
  const residual = new ShrunkenMeans(PAIR_ROWS, PAIR_PRIOR_TRIPS);
  for (const row of rows) {
    const pair = pairIndex(trips.pickupZone[row]!, trips.dropoffZone[row]!);
    residual.add(pair, value(row) - byZones(pair));
  }
  return {
    mean,
    pickup: Float64Array.from({ length: ZONE_ROWS }, (_, zone) => pickup.at(zone)),
    dropoff: Float64Array.from({ length: ZONE_ROWS }, (_, zone) => dropoff.at(zone)),
    pair: Float64Array.from({ length: PAIR_ROWS }, (_, pair) => byZones(pair) + residual.at(pair)),
  };
}

class ShrunkenMeans {
  readonly #sums: Float64Array;
  readonly #counts: Float64Array;
  constructor(
    keys: number,
    readonly priorCount: number,
  ) {
    this.#sums = new Float64Array(keys);
    this.#counts = new Float64Array(keys);
  }
  add(key: number, value: number): void {
    this.#sums[key]! += value;
    this.#counts[key]!++;
  }
  at(key: number): number {
    return this.#sums[key]! / (this.#counts[key]! + this.priorCount);
  }
}
