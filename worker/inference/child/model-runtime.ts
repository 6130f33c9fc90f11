import { join } from 'node:path';
import { messageOf, ModelPackageError } from '../../../shared/errors.js';
import {
  type Columns,
  type ColumnLayout,
  createColumnLayout,
  type TensorSpec,
  toNumbers,
} from '../../../shared/model/columns.js';
import type { Manifest } from '../../../shared/model/manifest.js';
import { bind, type Binding, type OutputValues, type Runner } from './binding.js';
import { type EngineName, engineFor } from '../engine-names.js';
import { ENGINES } from './engines/engines.js';
import type { ModelFiles } from '../parent/model-files.js';
import { decodeImages, loadDecoder } from './images.js';
import { loadNetwork, type Network } from './network.js';
import { NetworkRunner } from './network-runner.js';
import { loadOnnxNetwork, OnnxNetwork } from './onnx-network.js';

/** A model's answer to one micro-batch. */
export interface Prediction {
  /** One array a source of the manifest's outputs, in their order; as many numbers a row as it is wide. */
  outputs: Float32Array[];
  /** What is wrong with inputs that could not be used, by row. Absent where nothing is. */
  faults?: Readonly<Record<number, string>>;
  /** From the arrays in to the arrays out, without any way between processes, in ms. */
  predictMs: number;
  /** Tensors of TensorFlow.js alive afterwards: the weights, the same number after every call. None of ONNX. */
  numTensors: number;
}

/** A model loaded into this process. */
export interface ModelRuntime {
  manifest: Manifest;
  /** Turns inputs into the columns that {@link predict} takes. */
  layout: ColumnLayout;
  /** Runs all rows at once. One call at a time. Rejects with whatever the model throws. */
  predict(columns: Columns): Promise<Prediction>;
  /** See {@link NetworkRunner.plainBecause}. */
  readonly plainBecause: string | undefined;
  dispose(): void;
}

/** Loads the engine and the package in `folder` into this process: for training, evaluation and benchmarks. */
export async function loadModelRuntime(folder: string, engine: EngineName = 'wasm'): Promise<ModelRuntime> {
  // An inference process is given its files, and is spared what checks them.
  const { readModelFiles } = await import('../parent/model-files.js');
  const files = await readModelFiles(folder);
  await ENGINES[engineFor(files.manifest, engine)].load({ gpuMemoryMb: undefined, allowSoftware: true });
  return createModelRuntime(files);
}

/** Builds a model on the engine that is loaded. Throws ModelPackageError when manifest and network do not fit. */
export async function createModelRuntime(files: ModelFiles): Promise<ModelRuntime> {
  const { manifest, folder } = files;
  const layout = createColumnLayout(manifest);
  await loadDecoder(folder, manifest);
  const network = await loadAnyNetwork(files);
  const binding = bind(folder, { manifest, specs: layout.tensors, network });
  const runner = runnerFor(network, binding, layout.tensors);
  return {
    manifest,
    layout,
    async predict(columns) {
      const startMs = performance.now();
      const { columns: decoded, faults } = await decodeImages(layout, columns);
      const numbers = toNumbers(layout.tensors, decoded);
      const values = await (binding.isSingleRow ? runRowByRow(runner, layout, numbers) : runner.run(numbers));
      const outputs = binding.outputsOf(columns.rows, values);
      const predictMs = performance.now() - startMs;
      const { numTensors } = runner;
      return Object.keys(faults).length === 0
        ? { outputs, predictMs, numTensors }
        : { outputs, predictMs, numTensors, faults };
    },
    get plainBecause() {
      return runner.plainBecause;
    },
    dispose() {
      runner.dispose();
      network.dispose();
    },
  };
}

/** Loads a network of any format. Throws {@link ModelPackageError} with what its library says of it. */
export async function loadAnyNetwork(files: ModelFiles): Promise<Network | OnnxNetwork> {
  const isOnnx = files.manifest.format === 'onnx';
  try {
    return await (isOnnx ? loadOnnxNetwork(files.weights) : loadNetwork(files));
  } catch (cause) {
    throw new ModelPackageError(join(files.folder, isOnnx ? 'model.onnx' : 'model.json'), [messageOf(cause)]);
  }
}

/** What runs a network, bound to these tensors. */
export const runnerFor = (
  network: Network | OnnxNetwork,
  binding: Binding,
  tensors: readonly TensorSpec[],
): Runner =>
  network instanceof OnnxNetwork ? network.runnerFor(binding) : new NetworkRunner(network, binding, tensors);

/** Runs a network that takes one row a call. */
async function runRowByRow(runner: Runner, layout: ColumnLayout, columns: Columns): Promise<OutputValues[]> {
  const all: OutputValues[] = [];
  for (let row = 0; row < columns.rows; row += 1) {
    const outputs = await runner.run(layout.slice(columns, row, row + 1));
    outputs.forEach((values, i) => {
      all[i] ??= new (values.constructor as Float32ArrayConstructor)(values.length * columns.rows);
      all[i].set(values, row * values.length);
    });
  }
  return all;
}
