import { setBackend } from '@tensorflow/tfjs-core';
import type { Device, EngineOptions } from './device.js';
import { importOptional } from './import-optional.js';

/** What this file uses of the package `webgpu` (Dawn for Node). Its types are not needed to build. */
interface Dawn {
  create(
    this: void,
    flags: string[],
  ): { requestAdapter(options: { powerPreference: string }): Promise<Adapter | null> };
  /** Constants and classes that a browser has as globals. */
  globals: object;
}

interface Adapter {
  info: {
    vendor: string;
    architecture: string;
    device: string;
    description: string;
    isFallbackAdapter?: boolean;
  };
}

/** Names under which GPUs made of software introduce themselves; not every one calls itself a fallback adapter. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|microsoft basic render/i;

/** Sets the WebGPU backend on Dawn's best adapter. */
export async function loadWebGpu({ gpuMemoryMb }: EngineOptions): Promise<Device> {
  const { create, globals } = (await importOptional('webgpu')) as Dawn;
  const gpu = create([]);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('WebGPU finds no GPU (no Vulkan, Metal or D3D12 driver answers)');
  // The backend looks for these where a browser has them.
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  await importOptional('@tensorflow/tfjs-backend-webgpu');
  if (!(await setBackend('webgpu'))) throw new Error('the WebGPU backend does not start on its adapter');
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const name = [description || device, vendor, architecture].filter(Boolean).join(', ');
  return {
    description: `${name} (WebGPU)`,
    isSoftware: isFallbackAdapter === true || SOFTWARE.test(`${name} ${device}`),
    ...(gpuMemoryMb === undefined
      ? {}
      : { memory: `WebGPU has no cap: memory grows on demand past ${gpuMemoryMb} MB` }),
  };
}
