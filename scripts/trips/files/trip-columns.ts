import { AppError } from '../../../shared/errors.js';

/** The columns of a file that hold a trip, by the file's own names. */
export interface TripColumns {
  pickup: string;
  dropoff: string;
  pickupZone: string;
  dropoffZone: string;
  /** Absent in for-hire vehicle (FHV) files. */
  distance?: string;
}

/**
 * Names that the TLC's files use, in lower case: green (`lpep_`), yellow (`tpep_`), for-hire (FHV) and
 * high-volume for-hire (HVFHV). They differ in case over the years. Source: the TLC's data dictionaries.
 */
const NAMES = {
  pickup: ['lpep_pickup_datetime', 'tpep_pickup_datetime', 'pickup_datetime'],
  dropoff: ['lpep_dropoff_datetime', 'tpep_dropoff_datetime', 'dropoff_datetime'],
  pickupZone: ['pulocationid'],
  dropoffZone: ['dolocationid'],
  distance: ['trip_distance', 'trip_miles'],
} as const;

/** Finds the columns of a trip among a file's. Throws {@link TripFileError} naming every one that is missing. */
export function findTripColumns(file: string, names: readonly string[]): TripColumns {
  const byLowerCase = new Map(names.map((name) => [name.trim().toLowerCase(), name]));
  const find = (role: keyof typeof NAMES): string | undefined => {
    const known = NAMES[role].find((name) => byLowerCase.has(name));
    return known === undefined ? undefined : byLowerCase.get(known);
  };
  const [pickup, dropoff] = [find('pickup'), find('dropoff')];
  const [pickupZone, dropoffZone] = [find('pickupZone'), find('dropoffZone')];
  const distance = find('distance');
  if (!pickup || !dropoff || !pickupZone || !dropoffZone) {
    const missing = (['pickup', 'dropoff', 'pickupZone', 'dropoffZone'] as const).filter(
      (role) => !find(role),
    );
    const wanted = missing.map((role) => NAMES[role].join(' or ')).join('; ');
    throw new TripFileError(file, `no column ${wanted}. It has: ${names.join(', ')}. Is it a TLC trip file?`);
  }
  return { pickup, dropoff, pickupZone, dropoffZone, ...(distance === undefined ? {} : { distance }) };
}

/** A file cannot be read as trips, or holds none that a model can learn from. */
export class TripFileError extends AppError {
  override name = 'TripFileError';
  readonly code = 'trip_file_invalid';
  constructor(file: string, problem: string, options?: ErrorOptions) {
    super(`${file}: ${problem}`, options);
  }
}
