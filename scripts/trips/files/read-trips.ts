import { inputFormatOf, openSource } from '../../batch/input/open-source.js';
import { InputFileError } from '../../batch/input/source.js';
import { durationMinutes, type Trips } from '../trips.js';
import { knownZone } from '../zones.js';
import { parseLocalTime } from './local-time.js';
import { findTripColumns, missingColumns, TripFileError } from './trip-columns.js';

/**
 * Reads TLC trip files, Parquet or CSV by their ending, one after the other, and keeps the trips of 1 to 60
 * minutes. Throws {@link TripFileError} for a file that cannot be read or when no trip is left.
 */
export async function readTrips(files: readonly string[]): Promise<Trips> {
  const read: ReadTrips = { rows: 0, pickupZone: [], dropoffZone: [], distance: [], pickup: [], minutes: [] };
  for (const file of files) {
    if (!/\.(parquet|csv)$/i.test(file)) throw new TripFileError(file, 'must end in .parquet or .csv');
    await addTrips(file, read).catch((cause: unknown) => {
      if (!(cause instanceof InputFileError)) throw cause;
      throw new TripFileError(file, `cannot be read as trips: ${cause.problem}`, { cause });
    });
  }
  if (read.minutes.length === 0) {
    throw new TripFileError(
      files.join(', '),
      `none of the ${read.rows} rows is a trip of 1 to 60 minutes; check the pickup and drop-off times`,
    );
  }
  return {
    length: read.minutes.length,
    pickupZone: Int32Array.from(read.pickupZone),
    dropoffZone: Int32Array.from(read.dropoffZone),
    distanceMiles: Float64Array.from(read.distance),
    pickupLocalMs: Float64Array.from(read.pickup),
    durationMinutes: Float64Array.from(read.minutes),
  };
}

/** The columns of {@link Trips} as they grow, and the number of rows that were read, trips or not. */
type ReadTrips = { rows: number } & Record<
  'pickupZone' | 'dropoffZone' | 'distance' | 'pickup' | 'minutes',
  number[]
>;

async function addTrips(file: string, read: ReadTrips): Promise<void> {
  const source = await openSource(file, inputFormatOf(file));
  const names = findTripColumns(source.columns);
  if (!names) throw new TripFileError(file, missingColumns(source.columns));
  const wanted = Object.values(names).filter((name) => name !== undefined);
  for await (const page of source.pages(0, new Set(wanted))) {
    const { column } = page.values();
    const [pickupOf, dropoffOf] = [column(names.pickup), column(names.dropoff)];
    const [pickupZoneOf, dropoffZoneOf] = [column(names.pickupZone), column(names.dropoffZone)];
    const distanceOf = names.distance === undefined ? () => undefined : column(names.distance);
    read.rows += page.length;
    for (let row = 0; row < page.length; row++) {
      const pickup = parseLocalTime(pickupOf(row));
      const minutes = durationMinutes(pickup, parseLocalTime(dropoffOf(row)));
      if (minutes === undefined) continue;
      const miles = Number(distanceOf(row));
      read.pickupZone.push(knownZone(Number(pickupZoneOf(row))));
      read.dropoffZone.push(knownZone(Number(dropoffZoneOf(row))));
      read.distance.push(Number.isFinite(miles) ? miles : 0);
      read.pickup.push(pickup);
      read.minutes.push(minutes);
    }
  }
}
