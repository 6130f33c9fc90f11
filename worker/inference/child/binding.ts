import { ModelPackageError } from '../../../shared/errors.js';
import type { Columns, TensorSpec } from '../../../shared/model/columns.js';
import type { Manifest } from '../../../shared/model/manifest.js';
import { type OutputSource, outputSources } from '../../../shared/model/outputs.js';

/** The numbers of one output tensor, row after row. */
export type OutputValues = Float32Array | Int32Array | Uint8Array;

/** A tensor as the file of a network declares it. */
export interface DeclaredTensor {
  /** A name by which a manifest may call it. */
  name: string;
  /** As the format calls it: `float32`, `int64`, `string`. */
  type: string;
  /** Rows first; -1 where open, undefined where the file does not say. */
  shape: readonly number[] | undefined;
}

/** What is known of a network's tensors before it runs. */
export interface NetworkTensors {
  /** Everything that the file declares, for whoever writes a manifest. */
  describe(): { inputs: DeclaredTensor[]; outputs: DeclaredTensor[] };
  /** Declared shapes by input tensor, rows first; -1 where open, undefined where the file does not say. */
  inputs: ReadonlyMap<string, readonly number[] | undefined>;
  outputs: readonly string[];
  /** The name by which `inputs` and `outputs` know a tensor that a manifest names. */
  nameOf(tensor: string): string;
  /** Why an input tensor does not take what the columns hold; undefined where it does. */
  inputProblem?(name: string, spec: TensorSpec): string | undefined;
  /** Why an output tensor gives no numbers; undefined where it does. */
  outputProblem?(name: string): string | undefined;
}

/** One input tensor that is made of an array of the columns: of shape [rows, ...rowShape]. */
export interface Feed {
  /** Position in the arrays of the columns. */
  array: number;
  name: string;
  rowShape: readonly number[];
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
  /** Why the network does not run as fast as its engine could; undefined where it does. */
  readonly plainBecause: string | undefined;
  /** Tensors that TensorFlow.js holds in this process. */
  readonly numTensors: number;
  dispose(): void;
}

/** Both sides of a binding: `specs` are the tensors that the manifest's columns fill. */
interface Sides {
  manifest: Manifest;
  specs: readonly TensorSpec[];
  network: NetworkTensors;
}

/** Checks names and shapes once. Throws {@link ModelPackageError} naming every member of the manifest at fault. */
export function bind(folder: string, sides: Sides): Binding {
  const { manifest, specs, network } = sides;
  const problems = [...inputProblems(sides), ...outputProblems(sides)];
  if (problems.length > 0) throw new ModelPackageError(folder, problems);
  const feeds = specs.map((spec, array): Feed => {
    const name = network.nameOf(spec.name);
    const rowShape = rowShapeOf(spec, network.inputs.get(name)) ?? [spec.width];
    return { array, name, rowShape, dtype: spec.dtype };
  });
  const outputTensors = [...new Set(manifest.outputs.map((output) => network.nameOf(output.tensor)))];
  const sources = outputSources(manifest);
  const places = sources.map(({ tensor }) => outputTensors.indexOf(network.nameOf(tensor)));
  return {
    outputTensors,
    feeds,
    isSingleRow: [...network.inputs.values()].some((shape) => shape?.[0] === 1),
    outputsOf: (rows, values) => sources.map((source, i) => numbersOf(values[places[i]!]!, rows, source)),
  };
}

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
  const filled = new Set(specs.map((spec) => network.nameOf(spec.name)));
  const names = [...network.inputs.keys()];
  const wrong = specs.flatMap((spec) => {
    const name = network.nameOf(spec.name);
    if (!network.inputs.has(name)) {
      return [`#/columns name the input tensor "${spec.name}"; the network has ${names.join(', ')}`];
    }
    const problem = network.inputProblem?.(name, spec);
    if (problem) return [problem];
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
  return manifest.outputs.flatMap(({ tensor }, i) => {
    const name = network.nameOf(tensor);
    const problem = network.outputs.includes(name)
      ? network.outputProblem?.(name)
      : `is none of the network's: ${network.outputs.join(', ')}`;
    return problem ? [`#/outputs/${i}/tensor "${tensor}" ${problem}`] : [];
  });
}

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
