import type { Datatype, InferenceBody } from '../../shared/contract/inference.js';
import type { Manifest, ManifestColumn } from '../../shared/model/manifest.js';
import type { Scored } from '../../shared/model/row-reader.js';
import {
  isImageColumn,
  isTensorColumn,
  sizeOf,
  type TensorColumn,
} from '../../shared/model/tensor-members.js';
import { malformed, type Value, type Values } from './tensors.js';

/** A tensor of a model, with its shape without the rows. */
export interface TensorInfo<D extends Datatype = Datatype> {
  name: string;
  datatype: D;
  shape: readonly number[];
}

/** A tensor of a request. */
export interface InputTensor extends TensorInfo {
  values: Values;
}

/** The result of a row, by members. */
export type Result = Readonly<Record<string, unknown>>;

/** An output, and its values of one row. */
export interface OutputTensor extends TensorInfo<'FP32' | 'BYTES'> {
  valuesOf: (result: Result) => readonly Value[];
}

/** The inputs of a model: each member is a tensor. */
export const inputTensors = (manifest: Manifest): TensorInfo[] =>
  Object.keys(manifest.input.properties).map((name) => {
    const column = columnOf(manifest, name);
    const shape = column && isWhole(column) ? column.shape : [];
    return { name, datatype: datatypeOf(manifest, name, column), shape };
  });

/** The body of a request for one row: the example of the model. */
export const exampleOf = (manifest: Manifest): InferenceBody => ({
  inputs: inputTensors(manifest).flatMap(({ name, datatype, shape }) => {
    const value = manifest.example[name];
    if (value === undefined) return [];
    // Bytes may be given as a text in base64.
    return typeof value === 'string'
      ? [{ name, datatype: 'BYTES', shape: [1], data: [value] }]
      : [{ name, datatype, shape: [1, ...shape], data: [value] }];
  }),
});

/** Whether a member is a tensor of many values: an image is one text. */
const isWhole = (column: ManifestColumn): column is TensorColumn =>
  isTensorColumn(column) && !isImageColumn(column);

const columnOf = ({ columns }: Manifest, member: string): ManifestColumn | undefined =>
  columns.find((column) => column.member === member);

function datatypeOf({ input }: Manifest, name: string, column: ManifestColumn | undefined): Datatype {
  if (column?.encoding === 'base64') return 'UINT8';
  if (column?.encoding === 'array') return (column.dtype ?? 'float32') === 'float32' ? 'FP32' : 'INT32';
  const { type, enum: listed } = input.properties[name] ?? {};
  const kind = typeof listed?.[0];
  if (type === 'integer') return 'INT64';
  if (type === 'number' || kind === 'number') return 'FP32';
  return type === 'boolean' || kind === 'boolean' ? 'BOOL' : 'BYTES';
}

/**
 * The outputs of a model: numbers are FP32, labels BYTES. An output with `top` is two tensors, its labels and, as
 * `<name>.score`, their scores, the best first.
 */
export const outputTensors = ({ outputs }: Manifest): OutputTensor[] =>
  outputs.flatMap(({ member: name, shape, labels, top }): OutputTensor[] => {
    if (top !== undefined) {
      const scored = (result: Result): Scored[] => result[name] as Scored[];
      const labelled = (result: Result): string[] => scored(result).map(({ label }) => label);
      const scores = (result: Result): number[] => scored(result).map(({ score }) => score);
      return [
        { name, datatype: 'BYTES', shape: [top], valuesOf: labelled },
        { name: `${name}.score`, datatype: 'FP32', shape: [top], valuesOf: scores },
      ];
    }
    if (shape) {
      const numbers = (result: Result): number[] =>
        (result[name] as unknown[]).flat(shape.length) as number[];
      return [{ name, datatype: 'FP32', shape, valuesOf: numbers }];
    }
    return [
      { name, datatype: labels ? 'BYTES' : 'FP32', shape: [], valuesOf: (result) => [result[name] as Value] },
    ];
  });

/** The inputs of a request, a row each. They are made when they are asked for. */
export interface Rows {
  count: number;
  at(row: number): Record<string, unknown>;
}

/** Reads rows out of tensors. Throws a 400 problem for a tensor that the model does not have, or of another shape. */
export function rowsOf(manifest: Manifest, tensors: readonly InputTensor[]): Rows {
  const count = tensors[0]?.shape[0] ?? 0;
  const { properties } = manifest.input;
  const cells = new Map<string, (row: number) => unknown>();
  for (const tensor of tensors) {
    const { name, shape } = tensor;
    if (!Object.hasOwn(properties, name)) {
      throw malformed(`there is no input ${name}: there is ${Object.keys(properties).join(', ')}`);
    }
    if (cells.has(name)) throw malformed(`${name} is given twice`);
    if (shape[0] !== count) throw malformed(`${name} has ${shape[0]} rows, the first ${count}`);
    cells.set(name, cellsOf(tensor, columnOf(manifest, name)));
  }
  return {
    count,
    at(row) {
      const input: Record<string, unknown> = {};
      for (const [name, cell] of cells) input[name] = cell(row);
      return input;
    },
  };
}

/** The JSON value of a member in a row. Bytes are UINT8 of their shape, or BYTES in base64; images are BYTES, in binary as they are. */
function cellsOf(tensor: InputTensor, column: ManifestColumn | undefined): (row: number) => unknown {
  const { name, datatype, values } = tensor;
  const [rows = 0, ...own] = tensor.shape;
  const whole = column !== undefined && isWhole(column) && datatype !== 'BYTES' ? column : undefined;
  const wanted = whole?.shape ?? [];
  const width = sizeOf(wanted);
  const isFlat = own.length <= 1 && sizeOf(own) === width;
  if (!isFlat && String(own) !== String(wanted)) {
    throw malformed(`${name} must be of the shape ${JSON.stringify(['rows', ...wanted])}`);
  }
  if (values.length !== rows * width) {
    throw malformed(`${name} has ${values.length} values, and its shape says ${rows * width}`);
  }
  if (!whole) {
    return (row) => {
      const value = values.at(row);
      if (!Buffer.isBuffer(value)) return value;
      if (column?.encoding === 'image') return value.toString('base64');
      throw malformed(`${name}: text ${row} is not whole UTF-8`);
    };
  }
  const numbersOf = (row: number): unknown[] =>
    Array.from({ length: width }, (_, i) => values.at(row * width + i));
  if (whole.encoding === 'array') return numbersOf;
  return (row) => {
    const bytes = numbersOf(row);
    if (!bytes.every(isByte)) throw malformed(`${name} has values that are no bytes, in row ${row}`);
    return Buffer.from(bytes).toString('base64');
  };
}

const isByte = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255;
