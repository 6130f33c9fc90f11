import { ModelPackageError } from '../../shared/errors.js';
import type { ModelRuntime } from '../../worker/inference/child/model-runtime.js';
import { recordedDistance, type Trips } from './trips.js';

/** Rows that go through a model at once: memory stays flat and the kernels are at their best. */
const CHUNK_ROWS = 4096;

/**
 * Minutes that a model predicts for each trip, asked as the service would be: a distance that is not above 0 and at
 * most 100 miles is asked as 0, not recorded, and the pickup time is left away unless `withTime`. Throws
 * {@link ModelPackageError} for a model that takes no trips.
 */
export async function predictTrips(
  model: ModelRuntime,
  trips: Trips,
  withTime: boolean,
): Promise<Float32Array> {
  const output = outputOf(model);
  const minutes = new Float32Array(trips.length);
  for (let start = 0; start < trips.length; start += CHUNK_ROWS) {
    const batch = model.layout.allocate(Math.min(CHUNK_ROWS, trips.length - start));
    for (let row = 0; row < batch.rows; row++) {
      model.layout.write(batch, row, inputOf(trips, start + row, withTime));
    }
    const { outputs } = await model.predict(batch);
    minutes.set(outputs[output]!, start);
  }
  return minutes;
}

function outputOf({ manifest }: ModelRuntime): number {
  const output = manifest.outputs.findIndex((candidate) => candidate.member === 'duration');
  const missing = ['PULocationID', 'DOLocationID', 'trip_distance'].filter(
    (member) => !(member in manifest.input.properties),
  );
  if (output >= 0 && missing.length === 0) return output;
  throw new ModelPackageError(manifest.name, [
    ...missing.map((member) => `#/input/properties has no ${member}: it is no model of trips`),
    ...(output < 0 ? ['#/outputs has no member "duration": it is no model of trips'] : []),
  ]);
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
