import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';

/** Makes TensorFlow.js ready on the wasm backend: any CPU, and the same numbers on each. */
export async function startTensorFlow(): Promise<void> {
  if (tf.getBackend() === 'wasm') return;
  const wasmPackage = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json');
  setWasmPaths(`${dirname(wasmPackage)}/dist/`);
  if (!(await tf.setBackend('wasm'))) {
    throw new Error(
      'the wasm backend of TensorFlow.js does not start: is the installation complete (npm ci)?',
    );
  }
}
