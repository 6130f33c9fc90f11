import type { io, NamedTensorMap, Tensor } from '@tensorflow/tfjs-core';
import type { ModelFiles } from '../parent/model-files.js';
import type { DeclaredTensor, NetworkTensors } from './binding.js';
import { loadConverterPackage, loadLayersPackage } from './tensorflow.js';

/** A network of TensorFlow.js, whichever of the two formats it came in. */
export interface Network extends NetworkTensors {
  /** The asked-for outputs of one micro-batch, in their order. To be called inside `tidy`. */
  run(inputs: NamedTensorMap, outputs: readonly string[]): Tensor[];
  dispose(): void;
}

/** Builds the network on the backend that is set. Throws what TensorFlow.js throws on a file that it cannot use. */
export function loadNetwork(files: ModelFiles): Promise<Network> {
  return files.manifest.format === 'tfjs-layers' ? loadLayers(files) : loadGraph(files);
}

async function loadLayers(files: ModelFiles): Promise<Network> {
  const model = await loadLayersPackage().loadLayersModel(handlerFor(files));
  // A Sequential model names its tensors once it is built.
  if (model.outputNames.length === 0) model.build(model.inputs.map(({ shape }) => shape));
  const declared = (tensors: typeof model.inputs, names: readonly string[]) =>
    tensors.map(({ dtype, shape }, i): DeclaredTensor => {
      return { name: names[i]!, type: dtype, shape: shape.map((size) => size ?? -1) };
    });
  const fed = declared(model.inputs, model.inputNames);
  return {
    inputs: new Map(fed.map(({ name, shape }) => [name, shape])),
    outputs: model.outputNames,
    describe: () => ({ inputs: fed, outputs: declared(model.outputs, model.outputNames) }),
    nameOf: (tensor) => tensor,
    run(inputs, outputs) {
      // The whole micro-batch in one pass: predict() alone would cut it into slices of 32 rows.
      const result = model.predictOnBatch(model.inputNames.map((name) => inputs[name]!));
      const tensors = Array.isArray(result) ? result : [result];
      return outputs.map((name) => tensors[model.outputNames.indexOf(name)]!);
    },
    dispose: () => void model.dispose(),
  };
}

async function loadGraph(files: ModelFiles): Promise<Network> {
  const model = await loadConverterPackage().loadGraphModel(handlerFor(files));
  const nodes = signatureNodes(files.model.signature);
  const keys = new Map([...nodes].map(([key, node]) => [node, key]));
  const declared = ({ name, dtype, shape }: (typeof model.inputs)[number]): DeclaredTensor => {
    return { name: keys.get(name) ?? name, type: dtype, shape };
  };
  return {
    inputs: new Map(model.inputs.map(({ name, shape }) => [name, shape])),
    outputs: model.outputs.map(({ name }) => name),
    describe: () => ({ inputs: model.inputs.map(declared), outputs: model.outputs.map(declared) }),
    nameOf: (tensor) => nodes.get(tensor) ?? tensor,
    run(inputs, outputs) {
      const result = model.execute(inputs, [...outputs]);
      return Array.isArray(result) ? result : [result];
    },
    dispose: () => model.dispose(),
  };
}

const handlerFor = ({ model, weightSpecs, weights }: ModelFiles): io.IOHandler => ({
  load: () =>
    Promise.resolve({
      ...model,
      // JSON leaves members out where the type here says undefined, which TensorFlow.js does not allow.
      weightSpecs: weightSpecs as io.WeightsManifestEntry[],
      weightData: new Uint8Array(weights).buffer,
    }),
});

type Signature = Partial<Record<'inputs' | 'outputs', Record<string, { name?: string }>>>;

/** Names of a SavedModel's signature ("output_0") to the graph nodes they stand for ("Identity", from "Identity:0"). */
function signatureNodes(signature: Signature = {}): ReadonlyMap<string, string> {
  const named = [...Object.entries(signature.inputs ?? {}), ...Object.entries(signature.outputs ?? {})];
  return new Map(named.flatMap(([key, { name }]) => (name ? [[key, name.replace(/:\d+$/, '')]] : [])));
}
