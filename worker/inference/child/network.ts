import { join } from 'node:path';
import type { io, NamedTensorMap } from '@tensorflow/tfjs-core';
import { messageOf, ModelPackageError } from '../../../shared/errors.js';
import type { ModelFiles } from '../parent/model-files.js';
import type { DeclaredTensor, Network } from './binding.js';
import { NetworkRunner } from './network-runner.js';
import { loadOnnxNetwork } from './onnx.js';
import { loadConverterPackage, loadLayersPackage } from './tensorflow.js';

const LOADERS = { 'tfjs-layers': loadLayers, 'tfjs-graph': loadGraph, onnx: loadOnnxNetwork };

/** Builds a network on the engine that is loaded. Throws {@link ModelPackageError} with what its library says of it. */
export async function loadNetwork(files: ModelFiles): Promise<Network> {
  const { format } = files.manifest;
  try {
    return await LOADERS[format](files);
  } catch (cause) {
    const file = format === 'onnx' ? 'model.onnx' : 'model.json';
    throw new ModelPackageError(join(files.folder, file), [messageOf(cause)]);
  }
}

async function loadLayers(files: ModelFiles): Promise<Network> {
  const model = await loadLayersPackage().loadLayersModel(handlerFor(files));
  // A Sequential model names its tensors once it is built.
  if (model.outputNames.length === 0) model.build(model.inputs.map(({ shape }) => shape));
  const declared = (tensors: typeof model.inputs, names: readonly string[]) =>
    tensors.map(({ dtype, shape }, i): DeclaredTensor => {
      return { name: names[i]!, aliases: [], type: dtype, shape: shape.map((size) => size ?? -1) };
    });
  const run = (inputs: NamedTensorMap, outputs: readonly string[]) => {
    // The whole micro-batch in one pass: predict() alone would cut it into slices of 32 rows.
    const tensors = [model.predictOnBatch(model.inputNames.map((name) => inputs[name]!))].flat();
    return outputs.map((name) => tensors[model.outputNames.indexOf(name)]!);
  };
  return {
    inputs: declared(model.inputs, model.inputNames),
    outputs: declared(model.outputs, model.outputNames),
    runnerFor: (binding) => new NetworkRunner(run, binding),
    dispose: () => void model.dispose(),
  };
}

async function loadGraph(files: ModelFiles): Promise<Network> {
  const model = await loadConverterPackage().loadGraphModel(handlerFor(files));
  const { inputs, outputs }: Signature = files.model.signature ?? {};
  const declared = (tensors: typeof model.inputs, signature: Signature['inputs'] = {}) =>
    tensors.map(({ name, dtype, shape }): DeclaredTensor => {
      // The node "Identity" is the tensor "Identity:0".
      const own = Object.entries(signature).filter(([, { name: of }]) => of?.replace(/:\d+$/, '') === name);
      return { name, aliases: own.map(([alias]) => alias), type: dtype, shape };
    });
  const run = (values: NamedTensorMap, wanted: readonly string[]) =>
    [model.execute(values, [...wanted])].flat();
  return {
    inputs: declared(model.inputs, inputs),
    outputs: declared(model.outputs, outputs),
    runnerFor: (binding) => new NetworkRunner(run, binding),
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

/** The signature of a SavedModel: its names of tensors ("output_0"), and the graph's ("Identity:0"). */
type Signature = Partial<Record<'inputs' | 'outputs', Record<string, { name?: string }>>>;
