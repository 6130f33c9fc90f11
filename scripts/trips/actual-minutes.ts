import { findTripColumns } from './files/trip-columns.js';
import { parseLocalTime } from './files/local-time.js';
import { TripFileError } from './files/trip-columns.js';
import { DURATION_RANGE_MINUTES } from './trips.js';

/** The duration of the trip of a row. */
export interface ActualMinutes {
  /** The columns that it is computed from, for people. */
  description: string;
  pickup: string;
  dropoff: string;
  /** Minutes between the texts of two times; undefined where one is none, and for less than 1 or more than 60 minutes. */
  minutesOf: (pickup: unknown, dropoff: unknown) => number | undefined;
}

/** Drop-off minus pick-up, of a file that has the columns of a TLC trip file; undefined for any other. */
export function actualMinutes(columns: readonly string[]): ActualMinutes | undefined {
  const trip = tripColumnsOf(columns);
  if (!trip) return undefined;
  const { minimum, maximum } = DURATION_RANGE_MINUTES;
  return {
    description: `${trip.dropoff} - ${trip.pickup}, ${minimum} to ${maximum} minutes`,
    pickup: trip.pickup,
    dropoff: trip.dropoff,
    minutesOf(pickup, dropoff) {
      if (typeof pickup !== 'string' || typeof dropoff !== 'string') return undefined;
      const minutes = (parseLocalTime(dropoff) - parseLocalTime(pickup)) / 60_000;
      return minutes >= minimum && minutes <= maximum ? minutes : undefined;
    },
  };
}

function tripColumnsOf(columns: readonly string[]) {
  try {
    return findTripColumns('', columns);
  } catch (error) {
    if (error instanceof TripFileError) return undefined;
    throw error;
  }
}
