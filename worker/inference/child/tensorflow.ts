import { createRequire } from 'node:module';
import type * as wasmBackend from '@tensorflow/tfjs-backend-wasm';
import type * as converter from '@tensorflow/tfjs-converter';
import type * as core from '@tensorflow/tfjs-core';
import type * as layers from '@tensorflow/tfjs-layers';

// An import statement would parse each of these bundles, of a megabyte and more, twice before it is compiled: for its
// format, and for the names that it exports. That is half of what the start of an inference process takes.
const load = createRequire(import.meta.url);

/** The core of TensorFlow.js. */
export const tf = load('@tensorflow/tfjs-core') as typeof core;

/** The package that builds a network of layers. */
export const loadLayersPackage = () => load('@tensorflow/tfjs-layers') as typeof layers;

/** The package that builds a network of a graph. */
export const loadConverterPackage = () => load('@tensorflow/tfjs-converter') as typeof converter;

/** The WebAssembly backend, which registers itself. */
export const loadWasmPackage = () => load('@tensorflow/tfjs-backend-wasm') as typeof wasmBackend;

/** Where the WebAssembly backend's own files lie. */
export const wasmManifest = (): string => load.resolve('@tensorflow/tfjs-backend-wasm/package.json');
