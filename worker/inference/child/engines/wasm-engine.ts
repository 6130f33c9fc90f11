import { dirname } from 'node:path';
import { loadWasmPackage, tf, wasmManifest } from '../tensorflow.js';
import type { Device } from './engine.js';
import { installRowGather } from './row-gather.js';

/** Sets the WebAssembly backend, which every installation has. */
export async function loadWasm(): Promise<Device> {
  loadWasmPackage().setWasmPaths(`${dirname(wasmManifest())}/dist/`);
  if (!(await tf.setBackend('wasm'))) throw new Error('the WebAssembly backend does not start');
  installRowGather();
  return { description: 'CPU, WebAssembly' };
}
