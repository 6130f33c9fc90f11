import type { TfEngineName } from '../../engine-names.js';
import { loadOnnx } from '../onnx.js';
import type { Engine, TfEngine } from './engine.js';
import { loadGpu, loadNode } from './native-engines.js';
import { loadWasm } from './wasm-engine.js';
import { loadWebGpu } from './webgpu-engine.js';

const NATIVE_ADVICE =
  "WITH_GPU=1 npm start downloads it with TensorFlow's own library; where that fails, npx waggle setup native builds it";

/** Every engine. A new one is a name in `engine-names.ts`, a row here and its load function. */
export const ENGINES: Readonly<Record<TfEngineName, TfEngine> & Record<'onnx', Engine>> = {
  gpu: {
    packages: ['@tensorflow/tfjs-node-gpu'],
    backend: 'tensorflow',
    runsOn: 'an NVIDIA GPU with cuDNN 8 and CUDA 11, or CUDA 12 for TensorFlow 2.15',
    advice: NATIVE_ADVICE,
    load: loadGpu,
  },
  webgpu: {
    packages: ['@tensorflow/tfjs-backend-webgpu', 'webgpu'],
    backend: 'webgpu',
    runsOn: 'a Vulkan, Metal or D3D12 GPU',
    advice: 'npm ci installs its packages; the machine needs a GPU with a Vulkan, Metal or D3D12 driver',
    load: loadWebGpu,
  },
  node: {
    packages: ['@tensorflow/tfjs-node'],
    backend: 'tensorflow',
    runsOn: "the CPU, with TensorFlow's native kernels",
    advice: NATIVE_ADVICE,
    load: loadNode,
  },
  wasm: {
    packages: ['@tensorflow/tfjs-backend-wasm'],
    backend: 'wasm',
    runsOn: 'any CPU',
    advice: 'it is part of every installation: npm ci',
    load: loadWasm,
  },
  onnx: {
    packages: ['onnxruntime-node'],
    runsOn: 'the CPU, with ONNX Runtime: packages of the format "onnx" alone',
    advice:
      'npm start installs the workspace worker/onnx once it finds a package of the format "onnx": stop it and start it again (after rm -r node_modules, where that installation failed)',
    load: loadOnnx,
  },
};
