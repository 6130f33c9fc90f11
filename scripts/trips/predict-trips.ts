import { type ColumnBatch, createColumnLayout } from '../../shared/model/columns.js';
import type { Manifest } from '../../shared/model/manifest.js';
import { recordedDistance, type Trips } from './trips.js';

/** Rows that go through a model at once; memory stays flat and the kernels are at their best from 1024 up. */
const CHUNK_ROWS = 4096;

/** A loaded trip model: columns as its manifest lays them out in, one duration in minutes a row out. */
export interface TripModel {
  manifest: Manifest;
  predict(batch: ColumnBatch): Promise<Float32Array> | Float32Array;
}

/**
 * Minutes that a model predicts for each trip, asked exactly as the service would be: a distance that is not
 * above 0 and at most 100 miles is asked as 0, and the pickup time is left away unless `withTime`.
 */
export async function predictTrips(model: TripModel, trips: Trips, withTime: boolean): Promise<Float32Array> {
  const layout = createColumnLayout(model.manifest);
  const minutes = new Float32Array(trips.length);
  for (let start = 0; start < trips.length; start += CHUNK_ROWS) {
    const rows = Math.min(CHUNK_ROWS, trips.length - start);
    const batch = layout.allocate(rows);
    for (let row = 0; row < rows; row++) layout.write(batch, row, inputOf(trips, start + row, withTime));
    minutes.set(await model.predict(batch), start);
  }
  return minutes;
}

function inputOf(trips: Trips, row: number, withTime: boolean): Record<string, unknown> {
  const input: Record<string, unknown> = {
    PULocationID: trips.pickupZone[row],
    DOLocationID: trips.dropoffZone[row],
    trip_distance: recordedDistance(trips.distanceMiles[row]!),
  };
  if (withTime) input['pickup_datetime'] = new Date(trips.pickupLocalMs[row]!).toISOString().slice(0, 19);
  return input;
}
