// The linear model, loaded as one would in a script: TensorFlow.js, WebAssembly.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

const require = createRequire(import.meta.url);
const wasm = dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'));

/** @param {string} folder of the model package */
export async function loadLinearModel(folder) {
  setWasmPaths(join(wasm, 'dist/'));
  await tf.setBackend('wasm');
  await tf.ready();
  const { modelTopology, weightsManifest } = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
  const weights = readFileSync(join(folder, 'weights.bin'));
  const weightData = weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.byteLength);
  const weightSpecs = weightsManifest.flatMap((group) => group.weights);
  const model = await loadLayersModel({ load: async () => ({ modelTopology, weightSpecs, weightData }) });
  return ({ PULocationID, DOLocationID, trip_distance }) =>
    tf.tidy(() => {
      const zones = tf.tensor2d([[PULocationID, DOLocationID]]);
      return model.predict([zones, tf.tensor2d([[trip_distance]])]).dataSync()[0];
    });
}

export const TRIP_SCHEMA = {
  type: 'object',
  required: ['PULocationID', 'DOLocationID', 'trip_distance'],
  properties: {
    PULocationID: { type: 'integer', minimum: 1, maximum: 265 },
    DOLocationID: { type: 'integer', minimum: 1, maximum: 265 },
    trip_distance: { type: 'number', minimum: 0, maximum: 100 },
  },
};
