import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { setBackend } from '@tensorflow/tfjs-core';
import type { Device } from './device.js';

/** Sets the WebAssembly backend, which every installation has. */
export async function loadWasm(): Promise<Device> {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  const manifest = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json');
  setWasmPaths(`${dirname(manifest)}/dist/`);
  if (!(await setBackend('wasm'))) throw new Error('the WebAssembly backend does not start');
  return { description: 'CPU, WebAssembly' };
}
