import { type Device, importOptional } from './engine.js';

/** A tensor of ONNX Runtime. Numbers of 64 bits are of arrays of their own. */
export interface OnnxTensor {
  data: OnnxArray;
}
export type OnnxArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/** A tensor of a graph; a sequence or a map has neither type nor shape. Sizes that are open are names, or no number. */
export type OnnxValue =
  | { name: string; isTensor: false }
  | { name: string; isTensor: true; type: string; shape: readonly (number | string | undefined)[] };

/** A graph that is loaded. */
export interface OnnxSession {
  inputMetadata: readonly OnnxValue[];
  outputMetadata: readonly OnnxValue[];
  run(
    feeds: Readonly<Record<string, OnnxTensor>>,
    fetches: readonly string[],
  ): Promise<Readonly<Record<string, OnnxTensor>>>;
  release(): Promise<void>;
}

/** The part of `onnxruntime-node` that inference uses, so that the build needs none of its types. */
export interface OnnxRuntime {
  env: { versions: { node?: string } };
  InferenceSession: { create(model: Uint8Array, options: object): Promise<OnnxSession> };
  Tensor: new (type: string, data: OnnxArray, shape: readonly number[]) => OnnxTensor;
}

export const importOnnxRuntime = (): Promise<OnnxRuntime> =>
  importOptional('onnxruntime-node') as Promise<OnnxRuntime>;

/** Loads ONNX Runtime, which brings its own kernels for the CPU. */
export async function loadOnnx(): Promise<Device> {
  const { env } = await importOnnxRuntime();
  return { description: `CPU, ONNX Runtime ${env.versions.node ?? 'of an unknown version'}` };
}
