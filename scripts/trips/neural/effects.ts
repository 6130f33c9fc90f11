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
  const byZones = (from: number, to: number): number => mean + (pickup.at(from) + dropoff.at(to)) / 2;
  const residual = new ShrunkenMeans(PAIR_ROWS, PAIR_PRIOR_TRIPS);
  for (const row of rows) {
    const [from, to] = [trips.pickupZone[row]!, trips.dropoffZone[row]!];
    residual.add(pairIndex(from, to), value(row) - byZones(from, to));
  }
  const pair = residual.all();
  for (let from = 0; from < ZONE_ROWS; from++) {
    for (let to = 0; to < ZONE_ROWS; to++) pair[pairIndex(from, to)]! += byZones(from, to);
  }
  return { mean, pickup: pickup.all(), dropoff: dropoff.all(), pair };
}

/** Means by key, each as if `priorCount` values of 0 had come before its own. */
class ShrunkenMeans {
  readonly #sums: Float64Array;
  readonly #counts: Float64Array;
  readonly #priorCount: number;

  constructor(keys: number, priorCount: number) {
    this.#sums = new Float64Array(keys);
    this.#counts = new Float64Array(keys);
    this.#priorCount = priorCount;
  }

  add(key: number, value: number): void {
    this.#sums[key]! += value;
    this.#counts[key]!++;
  }

  at(key: number): number {
    return this.#sums[key]! / (this.#counts[key]! + this.#priorCount);
  }

  all(): Float64Array {
    return this.#sums.map((_, key) => this.at(key));
  }
}
