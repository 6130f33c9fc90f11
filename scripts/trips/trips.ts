import { MINUTES_PER_WEEK } from '../../shared/model/minute-of-week.js';

/** Trips as columns, all of the same length. */
export interface Trips {
  readonly length: number;
  /** Zone id 1..265, or 0 where the file has something else. */
  readonly pickupZone: Int32Array;
  readonly dropoffZone: Int32Array;
  /** As recorded, outliers included; 0 where the file has none. */
  readonly distanceMiles: Float64Array;
  /** Local time, as milliseconds since 1970-01-01 00:00 on the same clock. */
  readonly pickupLocalMs: Float64Array;
  readonly durationMinutes: Float64Array;
}

/** Shorter or longer trips are left out of training and of figures, as in the published comparisons. */
export const DURATION_RANGE_MINUTES = { minimum: 1, maximum: 60 } as const;

/** Minutes between two times in ms; undefined beyond {@link DURATION_RANGE_MINUTES}, and where one is NaN. */
export function durationMinutes(pickupMs: number, dropoffMs: number): number | undefined {
  const minutes = (dropoffMs - pickupMs) / 60_000;
  const { minimum, maximum } = DURATION_RANGE_MINUTES;
  return minutes >= minimum && minutes <= maximum ? minutes : undefined;
}

/** Longest distance that counts as recorded; beyond it are meter errors, up to 200,000 miles. */
export const LONGEST_DISTANCE_MILES = 100;

/** The distance a model is asked with: 0, "not recorded", unless it is above 0 and at most 100 miles. */
export const recordedDistance = (miles: number): number =>
  miles > 0 && miles <= LONGEST_DISTANCE_MILES ? miles : 0;

/** 1 + minutes since Sunday 00:00, of a local time in milliseconds. */
export function minuteOfWeekOf(localMs: number): number {
  // 1970-01-01 was a Thursday, day 4 of a week that starts on Sunday.
  const minutes = Math.floor(localMs / 60_000) + 4 * 1440;
  return 1 + (((minutes % MINUTES_PER_WEEK) + MINUTES_PER_WEEK) % MINUTES_PER_WEEK);
}

/** The trips at some rows, in the order of `rows`. */
export function selectTrips(trips: Trips, rows: Iterable<number>): Trips {
  const index = Int32Array.from(rows);
  const integers = (column: Int32Array) => index.map((row) => column[row]!);
  const floats = (column: Float64Array) => Float64Array.from(index, (row) => column[row]!);
  return {
    length: index.length,
    pickupZone: integers(trips.pickupZone),
    dropoffZone: integers(trips.dropoffZone),
    distanceMiles: floats(trips.distanceMiles),
    pickupLocalMs: floats(trips.pickupLocalMs),
    durationMinutes: floats(trips.durationMinutes),
  };
}
