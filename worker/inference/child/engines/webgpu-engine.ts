import type { KernelBackend } from '@tensorflow/tfjs-core';
import { tf } from '../tensorflow.js';
import { type EngineOptions, importOptional, uncapped } from './engine.js';

/** The part of the package `webgpu` (Dawn for Node) that this file uses, so that the build needs none of its types. */
interface Dawn {
  create(this: void, flags: string[]): Gpu;
  /** Constants and classes that a browser has as globals. */
  globals: object;
}

interface Gpu {
  requestAdapter(options: { powerPreference: string }): Promise<{ info: AdapterInfo } | null>;
}

interface AdapterInfo {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  isFallbackAdapter?: boolean;
}

/** The backend of `@tensorflow/tfjs-backend-webgpu`, whose types are not needed to build either. */
type WebGpuBackend = KernelBackend & {
  device?: { lost: Promise<{ reason: 'destroyed' | 'unknown'; message: string }> };
};

/** Names under which GPUs made of software introduce themselves; not every one calls itself a fallback adapter. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|microsoft basic render/i;

/** Sets the WebGPU backend on Dawn's best adapter. */
export async function loadWebGpu({ gpuMemoryMb, allowSoftware }: EngineOptions): Promise<string> {
  const { create, globals } = (await importOptional('webgpu')) as Dawn;
  const gpu = create([]);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('WebGPU finds no GPU (no Vulkan, Metal or D3D12 driver answers)');
  const name = nameOf(adapter.info);
  if (!allowSoftware && isSoftware(adapter.info)) {
    throw new Error(`${name} is a software GPU, slower than wasm`);
  }
  provideGlobals(gpu, globals);
  await importOptional('@tensorflow/tfjs-backend-webgpu');
  if (!(await tf.setBackend('webgpu'))) throw new Error('the WebGPU backend does not start on its adapter');
  void endWithDevice(tf.backend());
  return uncapped(`${name} (WebGPU)`, 'WebGPU', gpuMemoryMb);
}

const nameOf = ({ description, device, vendor, architecture }: AdapterInfo): string =>
  [description || device, vendor, architecture].filter(Boolean).join(', ');

const isSoftware = (info: AdapterInfo): boolean =>
  info.isFallbackAdapter === true || SOFTWARE.test(`${nameOf(info)} ${info.device}`);

/** The backend looks for WebGPU where a browser has it. Node has a `navigator` of its own since version 21. */
function provideGlobals(gpu: Gpu, globals: object): void {
  Object.assign(globalThis, globals);
  if (!('navigator' in globalThis)) Object.defineProperty(globalThis, 'navigator', { value: {} });
  Object.defineProperty(Reflect.get(globalThis, 'navigator'), 'gpu', { value: gpu, configurable: true });
}

/** A GPU that is reset is lost for good, and every prediction fails from then on; a new process finds it again. */
async function endWithDevice({ device }: WebGpuBackend): Promise<void> {
  const loss = await device?.lost;
  if (loss && loss.reason !== 'destroyed') throw new Error(`the GPU is lost: ${loss.message}`);
}
