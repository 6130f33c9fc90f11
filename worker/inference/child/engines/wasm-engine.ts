import { dirname } from 'node:path';
import type { Device } from '../../device.js';
import { loadWasmPackage, tf, wasmManifest } from '../tensorflow.js';

/** Sets the WebAssembly backend, which every installation has. */
export async function loadWasm(): Promise<Device> {
  loadWasmPackage().setWasmPaths(`${dirname(wasmManifest())}/dist/`);
  if (!(await tf.setBackend('wasm'))) throw new Error('the WebAssembly backend does not start');
  return { description: 'CPU, WebAssembly' };
}
