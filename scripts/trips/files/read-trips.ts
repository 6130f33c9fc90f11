import { extname } from 'node:path';
import { messageOf } from '../../../shared/errors.js';
import { readCsvTrips } from './csv-trips.js';
import { readParquetTrips } from './parquet-trips.js';
import { TripCollector } from './trip-collector.js';
import { TripFileError } from './trip-columns.js';
import type { Trips } from '../trips.js';

const READERS: Readonly<Record<string, typeof readCsvTrips>> = {
  '.parquet': readParquetTrips,
  '.csv': readCsvTrips,
};

/**
 * Reads TLC trip files, Parquet or CSV by their ending, one after the other, and keeps the trips of 1 to 60
 * minutes. Throws {@link TripFileError} for a file that cannot be read or when no trip is left.
 */
export async function readTrips(files: readonly string[]): Promise<Trips> {
  const collector = new TripCollector();
  for (const file of files) {
    const read = READERS[extname(file).toLowerCase()];
    if (!read) throw new TripFileError(file, 'must end in .parquet or .csv');
    await read(file, collector).catch((cause: unknown) => {
      if (cause instanceof TripFileError) throw cause;
      throw new TripFileError(file, `cannot be read as trips: ${messageOf(cause)}`, { cause });
    });
  }
  const trips = collector.trips();
  if (trips.length === 0) {
    throw new TripFileError(
      files.join(', '),
      `none of the ${collector.read} rows is a trip of 1 to 60 minutes; check the pickup and drop-off times`,
    );
  }
  return trips;
}
