import tf = require('@tensorflow/tfjs-core');
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Examples } from './examples.js';
import { PAIR_LOOKUPS, ZONE_LOOKUPS } from './lookups.js';
import { DURATION_RANGE_MINUTES } from '../trips.js';

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
