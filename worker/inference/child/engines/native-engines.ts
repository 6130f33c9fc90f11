import util from 'node:util';
import type { KernelBackend } from '@tensorflow/tfjs-core';
import { tf } from '../tensorflow.js';
import { type EngineOptions, importOptional, uncapped } from './engine.js';

/** The backend that both packages register, whose class they do not export. */
type NativeBackend = KernelBackend & { isUsingGpuDevice?: boolean };

/** Sets TensorFlow's native CPU kernels. A library with CUDA would take a GPU through this package as well; here it may not. */
export async function loadNode(): Promise<string> {
  process.env['CUDA_VISIBLE_DEVICES'] = '-1';
  const backend = await loadNative('@tensorflow/tfjs-node');
  if (backend.isUsingGpuDevice === true) {
    throw new Error('TensorFlow has a GPU already in this process, where the engine gpu was tried');
  }
  return 'CPU, TensorFlow native';
}

/** Sets TensorFlow's CUDA kernels. Without a usable GPU the package runs on the CPU in silence; here that fails. */
export async function loadGpu({ gpuMemoryMb }: EngineOptions): Promise<string> {
  const backend = await loadNative('@tensorflow/tfjs-node-gpu');
  if (backend.isUsingGpuDevice !== true) {
    throw new Error(
      '@tensorflow/tfjs-node-gpu finds no CUDA GPU (its driver, cuDNN 8 and CUDA 11 are needed; CUDA 12 for TensorFlow 2.15)',
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
