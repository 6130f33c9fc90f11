import { AppError } from '../../../shared/errors.js';

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
type Role = keyof typeof NAMES;

/** The columns of a file that hold a trip, by the file's own names. FHV files have no distance. */
export type TripColumns = Record<Exclude<Role, 'distance'>, string> & { distance: string | undefined };

/** Finds the columns of a trip among a file's; undefined unless all are there but the distance. */
export function findTripColumns(names: readonly string[]): TripColumns | undefined {
  const [pickup, dropoff] = [columnOf('pickup', names), columnOf('dropoff', names)];
  const [pickupZone, dropoffZone] = [columnOf('pickupZone', names), columnOf('dropoffZone', names)];
  if (!pickup || !dropoff || !pickupZone || !dropoffZone) return undefined;
  return { pickup, dropoff, pickupZone, dropoffZone, distance: columnOf('distance', names) };
}

/** The columns of a trip that a file lacks, and those that it has, for a person. */
export function missingColumns(names: readonly string[]): string {
  const roles = (['pickup', 'dropoff', 'pickupZone', 'dropoffZone'] as const).filter(
    (role) => !columnOf(role, names),
  );
  const wanted = roles.map((role) => NAMES[role].join(' or ')).join('; ');
  return `no column ${wanted}. It has: ${names.join(', ')}. Is it a TLC trip file?`;
}

const columnOf = (role: Role, names: readonly string[]): string | undefined =>
  NAMES[role]
    .map((known) => names.find((name) => name.trim().toLowerCase() === known))
    .find((name) => name !== undefined);

/** A file cannot be read as trips, or holds none that a model can learn from. */
export class TripFileError extends AppError {
  readonly code = 'trip_file_invalid';
  constructor(file: string, problem: string, options?: ErrorOptions) {
    super(`${file}: ${problem}`, options);
  }
}
