import {
  type Columns,
  type ColumnLayout,
  createColumnLayout,
  toNumbers,
} from '../../../shared/model/columns.js';
import type { Manifest } from '../../../shared/model/manifest.js';
import { bind, type OutputValues, type Runner } from './binding.js';
import { type EngineName, engineFor } from '../engine-names.js';
import { ENGINES } from './engines/engines.js';
import type { ModelFiles } from '../parent/model-files.js';
import { decodeImages, loadDecoder } from './images.js';
import { loadNetwork } from './network.js';

/** A model's answer to one micro-batch. */
export interface Prediction {
  /** One array a source of the manifest's outputs, in their order; as many numbers a row as it is wide. */
  outputs: Float32Array[];
  /** What is wrong with inputs that could not be used, by row. Absent where nothing is. */
  faults?: Readonly<Record<number, string>> | undefined;
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
  /** See {@link Runner.plainBecause}. */
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
  const network = await loadNetwork(files);
  const binding = bind(folder, { manifest, specs: layout.tensors, network });
  const runner = network.runnerFor(binding);
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
      return { outputs, predictMs, numTensors: runner.numTensors, faults };
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
