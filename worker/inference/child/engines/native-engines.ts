import util from 'node:util';
import type { KernelBackend } from '@tensorflow/tfjs-core';
import { tf } from '../tensorflow.js';
import { type EngineOptions, importOptional, uncapped } from './engine.js';

/** The backend that both packages register, whose class they do not export. */
type NativeBackend = KernelBackend & { isUsingGpuDevice?: boolean };

/** Sets TensorFlow's native CPU kernels. */
export async function loadNode(): Promise<string> {
  await loadNative('@tensorflow/tfjs-node');
  return 'CPU, TensorFlow native';
}

/** Sets TensorFlow's CUDA kernels. Without a usable GPU the package runs on the CPU in silence; here that fails. */
export async function loadGpu({ gpuMemoryMb }: EngineOptions): Promise<string> {
  const backend = await loadNative('@tensorflow/tfjs-node-gpu');
  if (backend.isUsingGpuDevice !== true) {
    throw new Error(
      '@tensorflow/tfjs-node-gpu finds no CUDA GPU (its driver, CUDA 11 and cuDNN 8 are needed)',
    );
  }
  return uncapped('NVIDIA GPU, CUDA', 'tfjs-node-gpu', gpuMemoryMb);
}

/** Functions of `util` that tfjs-node 4.22.0 calls; Node 23 removed them. */
const REMOVED_FROM_UTIL = {
  isArray: Array.isArray,
  isNullOrUndefined: (value: unknown): boolean => value === null || value === undefined,
};

async function loadNative(name: string): Promise<NativeBackend> {
  Object.assign(util, REMOVED_FROM_UTIL);
  await importOptional(name);
  if (!(await tf.setBackend('tensorflow'))) throw new Error(`${name} registers no working backend`);
  return tf.backend();
}
