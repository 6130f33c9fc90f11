import { ModelPackageError } from '../../../shared/errors.js';
import type { Columns, TensorSpec } from '../../../shared/model/columns.js';
import type { Manifest } from '../../../shared/model/manifest.js';
import { type OutputSource, outputSources } from '../../../shared/model/outputs.js';

/** The numbers of one output tensor, row after row. */
export type OutputValues = Float32Array | Int32Array | Uint8Array;

/** A tensor as the file of a network declares it. */
export interface DeclaredTensor {
  /** The network's own name for it. */
  name: string;
  /** Names of the signature, by which a manifest may call it, too. */
  aliases: readonly string[];
  /** As the format calls it: `float32`, `int64`, `string`. */
  type: string;
  /** Rows first; -1 where open, undefined where the file does not say. */
  shape: readonly number[] | undefined;
}

/** A network that is loaded, whichever format it came in. */
export interface Network {
  inputs: readonly DeclaredTensor[];
  outputs: readonly DeclaredTensor[];
  /** Why an input tensor does not take what the columns hold; undefined where it does. */
  inputProblem?(tensor: DeclaredTensor, spec: TensorSpec): string | undefined;
  /** Why an output tensor gives no numbers; undefined where it does. */
  outputProblem?(tensor: DeclaredTensor): string | undefined;
  runnerFor(binding: Binding): Runner;
  dispose(): void;
}

/** One input tensor, which is made of the array of the columns in the same place: of shape [rows, ...rowShape]. */
export interface Feed {
  name: string;
  rowShape: readonly number[];
  /** Numbers of a row. */
  width: number;
  dtype: TensorSpec['dtype'];
}

/** The binding of a manifest's columns and outputs to the tensors of its network. */
export interface Binding {
  /** Distinct output tensors to ask the network for. */
  outputTensors: readonly string[];
  feeds: readonly Feed[];
  /** The network takes one row a call: its first size is frozen. */
  isSingleRow: boolean;
  /** Values of each source of the manifest's outputs, out of those of {@link outputTensors}. */
  outputsOf(rows: number, values: readonly OutputValues[]): Float32Array[];
}

/** Runs a network that is bound to a manifest. */
export interface Runner {
  /** Values of the binding's output tensors. One call at a time. Rejects with whatever the network throws. */
  run(columns: Columns): Promise<OutputValues[]>;
  /** Why the network does not run as fast as its engine could; undefined where it does, and where no engine could. */
  readonly plainBecause: string | undefined;
  /** Tensors that TensorFlow.js holds in this process. */
  readonly numTensors: number;
  dispose(): void;
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
  const feeds = specs.map((spec): Feed => {
    const { name, shape } = findTensor(network.inputs, spec.name)!;
    const { width, dtype } = spec;
    return { name, rowShape: rowShapeOf(spec, shape)!, width, dtype };
  });
  const sources = outputSources(manifest);
  const tensors = sources.map(({ tensor }) => findTensor(network.outputs, tensor)!.name);
  const outputTensors = [...new Set(tensors)];
  const places = tensors.map((name) => outputTensors.indexOf(name));
  return {
    outputTensors,
    feeds,
    isSingleRow: network.inputs.some(({ shape }) => shape?.[0] === 1),
    outputsOf: (rows, values) => sources.map((source, i) => numbersOf(values[places[i]!]!, rows, source)),
  };
}

/** The tensor that a manifest calls by a name; a name of the signature goes before one of the network. */
export const findTensor = (tensors: readonly DeclaredTensor[], name: string): DeclaredTensor | undefined =>
  tensors.find(({ aliases }) => aliases.includes(name)) ?? tensors.find((tensor) => tensor.name === name);

/**
 * Shape of one row of an input tensor; undefined when its columns cannot fill the declared shape. A shape in the manifest may
 * be the declared one in other words, such as [784] for [28, 28, 1].
 */
function rowShapeOf(
  { width, shape }: TensorSpec,
  declared: readonly number[] | undefined,
): number[] | undefined {
  if (!declared) return shape ? [...shape] : [width];
  if (shape?.length === declared.length - 1) {
    const fits = shape.every((size, i) => declared[i + 1]! < 0 || declared[i + 1] === size);
    if (fits) return [...shape];
  }
  const row = declared.slice(1);
  const open = row.filter((size) => size < 0).length;
  const known = row.reduce((product, size) => product * (size < 0 ? 1 : size), 1);
  if (open === 0) return known === width ? row : undefined;
  return open === 1 && width % known === 0 ? row.map((size) => (size < 0 ? width / known : size)) : undefined;
}

function inputProblems({ specs, network }: Sides): string[] {
  const empty = new Set(network.inputs);
  const wrong = specs.flatMap((spec) => {
    const tensor = findTensor(network.inputs, spec.name);
    if (!tensor) {
      return [`#/columns name the input tensor "${spec.name}"; the network has ${namesOf(network.inputs)}`];
    }
    empty.delete(tensor);
    const problem = network.inputProblem?.(tensor, spec);
    if (problem) return [problem];
    if (rowShapeOf(spec, tensor.shape)) return [];
    return [
      `#/columns put ${spec.width} numbers a row into the tensor "${spec.name}" of shape [${String(tensor.shape)}]`,
    ];
  });
  return [
    ...wrong,
    ...Array.from(empty, ({ name }) => `#/columns put nothing into the input tensor "${name}"`),
  ];
}

function outputProblems({ manifest, network }: Sides): string[] {
  return manifest.outputs.flatMap(({ tensor }, i) => {
    const found = findTensor(network.outputs, tensor);
    const problem = found
      ? network.outputProblem?.(found)
      : `is none of the network's: ${namesOf(network.outputs)}`;
    return problem ? [`#/outputs/${i}/tensor "${tensor}" ${problem}`] : [];
  });
}

const namesOf = (tensors: readonly DeclaredTensor[]): string => tensors.map(({ name }) => name).join(', ');

/** The numbers of a source, row after row, out of those of its tensor. */
function numbersOf(
  values: OutputValues,
  rows: number,
  { tensor, column, width }: OutputSource,
): Float32Array {
  const found = values.length / rows;
  const isWhole = column === undefined || found === 1;
  if (!Number.isInteger(found) || (column === undefined ? found !== width : column >= found)) {
    const missing = column === undefined ? `not ${width} a row` : `and there is no column ${column}`;
    throw new Error(
      `the output tensor "${tensor}" holds ${values.length} numbers for ${rows} rows, ${missing}`,
    );
  }
  if (isWhole) return values instanceof Float32Array ? values : Float32Array.from(values);
  return Float32Array.from({ length: rows }, (_, row) => values[row * found + column]!);
}
