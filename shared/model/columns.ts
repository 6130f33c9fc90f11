import type { Manifest, ManifestColumn } from './manifest.js';
import { createMinuteOfWeek } from './minute-of-week.js';

/** Values of one input tensor, row after row: `rows * width` numbers. */
export type ColumnArray = Float32Array | Int32Array | Uint8Array;

/** One input tensor as the manifest lays it out. */
export interface TensorSpec {
  name: string;
  dtype: 'float32' | 'int32' | 'bool';
  /** Columns that stand side by side in it. */
  width: number;
}

/** Rows as the model takes them: one array a tensor, in the order of {@link ColumnLayout.tensors}. */
export interface Columns {
  rows: number;
  arrays: ColumnArray[];
}

/** A model's columns: where each member of an input goes, and how it becomes a number. */
export interface ColumnLayout {
  tensors: readonly TensorSpec[];
  /** Bytes that one row takes. */
  rowBytes: number;
  /** Zeroed arrays for so many rows. */
  allocate(rows: number): Columns;
  /** The rows from `from` up to `end`, on the same memory. */
  slice(columns: Columns, from: number, end: number): Columns;
  /** Writes one validated input into row `row`. */
  write(columns: Columns, row: number, input: Readonly<Record<string, unknown>>): void;
}

interface Writer {
  member: string;
  /** Position in {@link Columns.arrays}. */
  array: number;
  width: number;
  offset: number;
  whenAbsent: number;
  encode(value: unknown): number;
}

/** Arrays by the dtype of their tensor. */
export const ARRAY_OF = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/** Compiles a manifest's columns once; writing a row then looks nothing up. */
export function createColumnLayout(manifest: Manifest): ColumnLayout {
  const tensors: TensorSpec[] = [];
  const placed = manifest.columns.map((column) => {
    let array = tensors.findIndex((tensor) => tensor.name === column.tensor);
    if (array < 0) array = tensors.push({ name: column.tensor, dtype: dtypeOf(column), width: 0 }) - 1;
    return { column, array, offset: tensors[array]!.width++ };
  });
  const writers = placed.map(
    ({ column, array, offset }): Writer => ({
      member: column.member,
      array,
      width: tensors[array]!.width,
      offset,
      whenAbsent: column.default ?? 0,
      encode: encoderOf(column, manifest),
    }),
  );
  return {
    tensors,
    rowBytes: tensors.reduce((sum, { dtype, width }) => sum + width * ARRAY_OF[dtype].BYTES_PER_ELEMENT, 0),
    allocate: (rows) => ({ rows, arrays: tensors.map((t) => new ARRAY_OF[t.dtype](rows * t.width)) }),
    slice: ({ arrays }, from, end) => ({
      rows: end - from,
      arrays: arrays.map((array, i) => array.subarray(from * tensors[i]!.width, end * tensors[i]!.width)),
    }),
    write(columns, row, input) {
      for (const writer of writers) {
        const value = input[writer.member];
        columns.arrays[writer.array]![row * writer.width + writer.offset] =
          value === undefined ? writer.whenAbsent : writer.encode(value);
      }
    },
  };
}

/** The dtype of a column's tensor: as the manifest says, else float32 for a number, bool for a boolean, int32. */
export function dtypeOf(column: ManifestColumn): TensorSpec['dtype'] {
  if (column.dtype) return column.dtype;
  if (column.encoding === 'number') return 'float32';
  return column.encoding === 'boolean' ? 'bool' : 'int32';
}

function encoderOf(column: ManifestColumn, manifest: Manifest): (value: unknown) => number {
  switch (column.encoding) {
    case 'number':
    case 'integer':
      return Number;
    case 'boolean':
      return (value) => (value === true ? 1 : 0);
    case 'enum': {
      const index = new Map(
        (manifest.input.properties[column.member]?.enum ?? []).map((value, position) => [value, position]),
      );
      return (value) => index.get(value) ?? column.default ?? 0;
    }
    case 'minute_of_week': {
      const minuteOfWeek = createMinuteOfWeek(manifest.timezone ?? 'UTC');
      return (value) => minuteOfWeek(String(value));
    }
  }
}
