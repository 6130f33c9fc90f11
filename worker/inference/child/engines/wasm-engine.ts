import { dirname } from 'node:path';
import { loadWasmPackage, tf, wasmManifest } from '../tensorflow.js';
import { installRowGather } from './row-gather.js';

/** Sets the WebAssembly backend, which every installation has. */
export async function loadWasm(): Promise<string> {
  loadWasmPackage().setWasmPaths(`${dirname(wasmManifest())}/dist/`);
  if (!(await tf.setBackend('wasm'))) throw new Error('the WebAssembly backend does not start');
  installRowGather();
  return 'CPU, WebAssembly';
}
