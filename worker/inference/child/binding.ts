import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs-core';
import { ModelPackageError } from '../../../shared/errors.js';
import type { Columns, TensorSpec } from '../../../shared/model/columns.js';
import type { Manifest } from '../../../shared/model/manifest.js';
import type { Network } from './network.js';
import { tf } from './tensorflow.js';

/** The numbers of one output tensor, row after row. */
export type OutputValues = Float32Array | Int32Array | Uint8Array;

/** The binding of a manifest's columns and outputs to the tensors of its network. */
export interface Binding {
  /** Distinct output tensors to ask the network for. */
  outputTensors: readonly string[];
  /** The network's name of each array's tensor. */
  inputNames: readonly string[];
  inputsOf(columns: Columns): NamedTensorMap;
  /** Values of each output of the manifest, one a row, out of those of {@link outputTensors}. */
  outputsOf(rows: number, values: readonly OutputValues[]): Float32Array[];
}

/** Both sides of a binding: `specs` are the tensors that the manifest's columns fill. */
interface Sides {
  manifest: Manifest;
  specs: readonly TensorSpec[];
  network: Network;
}

/** Checks names and shapes once. Throws {@link ModelPackageError} naming every member of the manifest at fault. */
export function bind(folder: string, sides: Sides): Binding {
  const { manifest, specs, network } = sides;
  const problems = [...inputProblems(sides), ...outputProblems(sides)];
  if (problems.length > 0) throw new ModelPackageError(folder, problems);
  const feeds = specs.map((spec, array) => {
    const name = network.nameOf(spec.name);
    const rowShape = rowShapeOf(spec, network.inputs.get(name)) ?? [spec.width];
    return { array, name, rowShape, dtype: spec.dtype };
  });
  const outputTensors = [...new Set(manifest.outputs.map((output) => network.nameOf(output.tensor)))];
  const picks = manifest.outputs.map(({ tensor: name, column = 0 }) => ({
    at: outputTensors.indexOf(network.nameOf(name)),
    name,
    column,
  }));
  return {
    outputTensors,
    inputNames: feeds.map(({ name }) => name),
    inputsOf: ({ rows, arrays }) =>
      Object.fromEntries(
        feeds.map(({ array, name, rowShape, dtype }): [string, Tensor] => [
          name,
          tf.tensor(arrays[array]!, [rows, ...rowShape], dtype),
        ]),
      ),
    outputsOf: (rows, values) => picks.map(({ at, ...pick }) => columnOf(values[at]!, { rows, ...pick })),
  };
}

/** Shape of one row of an input tensor; undefined when its columns cannot fill the declared shape. */
function rowShapeOf({ width }: TensorSpec, declared: readonly number[] | undefined): number[] | undefined {
  if (!declared) return [width];
  const row = declared.slice(1);
  const open = row.filter((size) => size < 0).length;
  const known = row.reduce((product, size) => product * (size < 0 ? 1 : size), 1);
  if (open === 0) return known === width ? row : undefined;
  return open === 1 && width % known === 0 ? row.map((size) => (size < 0 ? width / known : size)) : undefined;
}

function inputProblems({ specs, network }: Sides): string[] {
  const filled = new Set(specs.map((spec) => network.nameOf(spec.name)));
  const names = [...network.inputs.keys()];
  const wrong = specs.flatMap((spec) => {
    const name = network.nameOf(spec.name);
    if (!network.inputs.has(name)) {
      return [`#/columns name the input tensor "${spec.name}"; the network has ${names.join(', ')}`];
    }
    const declared = network.inputs.get(name);
    if (rowShapeOf(spec, declared)) return [];
    return [
      `#/columns put ${spec.width} numbers a row into the tensor "${spec.name}" of shape [${String(declared)}]`,
    ];
  });
  const empty = names.filter((name) => !filled.has(name));
  return [...wrong, ...empty.map((name) => `#/columns put nothing into the input tensor "${name}"`)];
}

function outputProblems({ manifest, network }: Sides): string[] {
  return manifest.outputs.flatMap(({ tensor: name }, i) =>
    network.outputs.includes(network.nameOf(name))
      ? []
      : [`#/outputs/${i}/tensor "${name}" is none of the network's: ${network.outputs.join(', ')}`],
  );
}

function columnOf(
  values: OutputValues,
  { rows, column, name }: { rows: number; column: number; name: string },
): Float32Array {
  const width = values.length / rows;
  if (!Number.isInteger(width) || column >= width) {
    throw new Error(
      `the output tensor "${name}" holds ${values.length} numbers for ${rows} rows: there is no column ${column}`,
    );
  }
  if (width === 1 && values instanceof Float32Array) return values;
  return Float32Array.from({ length: rows }, (_, row) => values[row * width + column]!);
}
