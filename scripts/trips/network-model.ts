import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { ColumnBatch } from '../../shared/model/columns.js';
import { createColumnLayout } from '../../shared/model/columns.js';
import type { Manifest } from '../../shared/model/manifest.js';
import type { TripModel } from './predict-trips.js';

/** A network in memory as a model to predict with, before it is saved. */
export function networkModel(network: LayersModel, manifest: Manifest): TripModel {
  const { tensors } = createColumnLayout(manifest);
  const order = network.inputNames.map((name) => tensors.findIndex((tensor) => tensor.name === name));
  const predict = (batch: ColumnBatch): Float32Array =>
    tf.tidy(() => {
      const inputs = order.map((index) => {
        const { width, dtype } = tensors[index]!;
        return tf.tensor(batch.arrays[index]!, [batch.rows, width], dtype);
      });
      const output = network.predictOnBatch(inputs) as tf.Tensor;
      return output.dataSync<'float32'>();
    });
  return { manifest, predict };
}
