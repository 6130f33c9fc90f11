import tf = require('@tensorflow/tfjs-core');
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { type Lookups, PAIR_LOOKUPS, ZONE_LOOKUPS } from './lookups.js';
import { DURATION_RANGE_MINUTES, minuteOfWeekOf, recordedDistance, type Trips } from '../trips.js';
import { pairIndex, ZONE_ROWS } from '../zones.js';

/** Trips as the network learns from them: its raw inputs, the look-ups of each row, and what to predict. */
export interface Examples {
  length: number;
  /** Origin and destination, [length, 2]. */
  zones: Float32Array;
  /** Miles, 0 = not recorded. */
  distance: Float32Array;
  /** 1..10080, 0 = unknown. */
  minuteOfWeek: Int32Array;
  /** [length, 2, ZONE_LOOKUPS]. */
  zoneLookups: Float32Array;
  /** [length, PAIR_LOOKUPS]. */
  pairLookups: Float32Array;
  minutes: Float32Array;
}

/** Examples of all `trips`. `lookupsOf` gives the tables that a row may see. */
export function createExamples(trips: Trips, lookupsOf: (row: number) => Lookups): Examples {
  const examples = allocateExamples(trips.length);
  for (let row = 0; row < trips.length; row++) {
    const pickup = trips.pickupZone[row]!;
    const dropoff = trips.dropoffZone[row]!;
    const { zones, pairs } = lookupsOf(row);
    examples.zones.set([pickup, dropoff], row * 2);
    examples.distance[row] = recordedDistance(trips.distanceMiles[row]!);
    examples.minuteOfWeek[row] = minuteOfWeekOf(trips.pickupLocalMs[row]!);
    examples.zoneLookups.set(slice(zones, pickup, ZONE_LOOKUPS), row * 2 * ZONE_LOOKUPS);
    examples.zoneLookups.set(slice(zones, ZONE_ROWS + dropoff, ZONE_LOOKUPS), (row * 2 + 1) * ZONE_LOOKUPS);
    examples.pairLookups.set(slice(pairs, pairIndex(pickup, dropoff), PAIR_LOOKUPS), row * PAIR_LOOKUPS);
    examples.minutes[row] = trips.durationMinutes[row]!;
  }
  return examples;
}

/** Copies row `from` of one set of examples to row `to` of another. */
export function copyExample(source: Examples, from: number, target: Examples, to: number): void {
  target.zones.set(slice(source.zones, from, 2), to * 2);
  target.distance[to] = source.distance[from]!;
  target.minuteOfWeek[to] = source.minuteOfWeek[from]!;
  target.zoneLookups.set(slice(source.zoneLookups, from, 2 * ZONE_LOOKUPS), to * 2 * ZONE_LOOKUPS);
  target.pairLookups.set(slice(source.pairLookups, from, PAIR_LOOKUPS), to * PAIR_LOOKUPS);
  target.minutes[to] = source.minutes[from]!;
}

/** The same examples, asked without a pickup time. */
export const withoutTime = (examples: Examples): Examples => ({
  ...examples,
  minuteOfWeek: new Int32Array(examples.length),
});

/** Zeroed examples. */
export const allocateExamples = (length: number): Examples => ({
  length,
  zones: new Float32Array(length * 2),
  distance: new Float32Array(length),
  minuteOfWeek: new Int32Array(length),
  zoneLookups: new Float32Array(length * 2 * ZONE_LOOKUPS),
  pairLookups: new Float32Array(length * PAIR_LOOKUPS),
  minutes: new Float32Array(length),
});

const slice = (values: Float32Array, row: number, width: number): Float32Array =>
  values.subarray(row * width, (row + 1) * width);

/** Rows that the training model predicts at once. */
const CHUNK_ROWS = 4096;

/** The inputs of the training model for rows `from` to `to`, in its order. */
export function inputTensors(examples: Examples, from: number, to: number): tf.Tensor[] {
  const rows = to - from;
  const part = (values: Float32Array | Int32Array, width: number) =>
    values.subarray(from * width, to * width);
  return [
    tf.tensor2d(part(examples.zones, 2), [rows, 2]),
    tf.tensor3d(part(examples.zoneLookups, 2 * ZONE_LOOKUPS), [rows, 2, ZONE_LOOKUPS]),
    tf.tensor2d(part(examples.pairLookups, PAIR_LOOKUPS), [rows, PAIR_LOOKUPS]),
    tf.tensor2d(part(examples.minuteOfWeek, 1), [rows, 1], 'int32'),
    tf.tensor2d(part(examples.distance, 1), [rows, 1]),
  ];
}

/** Minutes that the training model predicts, clipped as the serving model clips them. */
export function predictExamples(training: LayersModel, examples: Examples): Float32Array {
  const { minimum, maximum } = DURATION_RANGE_MINUTES;
  const minutes = new Float32Array(examples.length);
  for (let from = 0; from < examples.length; from += CHUNK_ROWS) {
    const to = Math.min(from + CHUNK_ROWS, examples.length);
    tf.tidy(() => {
      const beyondFirst = training.predictOnBatch(inputTensors(examples, from, to)) as tf.Tensor;
      minutes.set(beyondFirst.dataSync<'float32'>(), from);
    });
  }
  return minutes.map((beyondFirst) => Math.min(maximum, minimum + beyondFirst));
}
