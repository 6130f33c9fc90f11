import { asyncBufferFromFile, type DecodedArray, parquetMetadataAsync, parquetRead } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { TripCollector } from './trip-collector.js';
import { findTripColumns } from './trip-columns.js';

/** The file's local times, stored as timestamps without a zone, as plain milliseconds. */
const parsers = {
  timestampFromMilliseconds: Number,
  timestampFromMicroseconds: (micros: bigint) => Number(micros) / 1000,
  timestampFromNanoseconds: (nanos: bigint) => Number(nanos / 1000n) / 1000,
};

/** Reads a Parquet trip file into `collector`, one row group in memory at a time. */
export async function readParquetTrips(path: string, collector: TripCollector): Promise<void> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  const names = metadata.schema
    .filter((element) => element.type !== undefined)
    .map((element) => element.name);
  const columns = findTripColumns(path, names);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const read = new Map<string, DecodedArray>();
    await parquetRead({
      file,
      metadata,
      compressors,
      parsers,
      rowStart,
      rowEnd,
      columns: Object.values(columns),
      onChunk: ({ columnName, columnData }) => read.set(columnName, columnData),
    });
    const at = (name: string | undefined, row: number): number => numberOf(read.get(name ?? '')?.[row]);
    for (let row = 0; row < rowEnd - rowStart; row++) {
      collector.add({
        pickupLocalMs: at(columns.pickup, row),
        dropoffLocalMs: at(columns.dropoff, row),
        pickupZone: at(columns.pickupZone, row),
        dropoffZone: at(columns.dropoffZone, row),
        distanceMiles: at(columns.distance, row),
      });
    }
    rowStart = rowEnd;
  }
}

/** Ids come as bigint, number or text, depending on the year; absent values as null. */
const numberOf = (value: unknown): number =>
  value === null || value === undefined || value === '' ? Number.NaN : Number(value);
