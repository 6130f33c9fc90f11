import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { parseLocalTime } from './local-time.js';
import type { TripCollector } from './trip-collector.js';
import { findTripColumns } from './trip-columns.js';

/** Reads a CSV trip file with a header line into `collector`, as a stream. */
export async function readCsvTrips(path: string, collector: TripCollector): Promise<void> {
  const file = createReadStream(path);
  const parser = parse({ bom: true, skip_empty_lines: true, relax_column_count: true, trim: true });
  // pipe() passes on lines but no failure.
  file.once('error', (error) => parser.destroy(error));
  const lines: AsyncIterable<string[]> = file.pipe(parser);
  let addLine: ((line: readonly string[]) => void) | undefined;
  try {
    for await (const line of lines) {
      if (addLine) addLine(line);
      else addLine = lineAdder(path, line, collector);
    }
  } finally {
    file.destroy();
  }
  if (!addLine) findTripColumns(path, []);
}

function lineAdder(path: string, header: readonly string[], collector: TripCollector) {
  const columns = findTripColumns(path, header);
  const position = (name: string | undefined): number => (name === undefined ? -1 : header.indexOf(name));
  const pickup = position(columns.pickup);
  const dropoff = position(columns.dropoff);
  const pickupZone = position(columns.pickupZone);
  const dropoffZone = position(columns.dropoffZone);
  const distance = position(columns.distance);
  return (line: readonly string[]): void =>
    collector.add({
      pickupLocalMs: parseLocalTime(line[pickup] ?? ''),
      dropoffLocalMs: parseLocalTime(line[dropoff] ?? ''),
      pickupZone: numberOf(line[pickupZone]),
      dropoffZone: numberOf(line[dropoffZone]),
      distanceMiles: numberOf(line[distance]),
    });
}

/** Absent values are empty text. */
const numberOf = (text: string | undefined): number => (text ? Number(text) : Number.NaN);
