import type { Manifest, ManifestColumn } from './manifest.js';
import { createMinuteOfWeek } from './minute-of-week.js';
import { imageBytes, isImageColumn, isTensorColumn, sizeOf, writeTensor } from './tensor-members.js';
import { imageLimitBytes } from './image-members.js';

/** Values of one input tensor, row after row: `rows * width` numbers. */
export type ColumnArray = Float32Array | Int32Array | Uint8Array;

/** One input tensor as the manifest lays it out. */
export interface TensorSpec {
  name: string;
  /** Of the numbers that the network takes. */
  dtype: 'float32' | 'int32' | 'bool';
  /** Numbers of one row: columns that stand side by side in it, or all of one column's shape. */
  width: number;
  /** The shape of a row, where one column fills it. */
  shape?: readonly number[];
  /** It is made of bytes, which become numbers only in the inference process: multiplied with `scale`, plus `offset`. */
  bytes?: { scale: number; offset: number };
  /** A row of it is an image, whose bytes are decoded in the inference process; `absent` is each byte of none. */
  image?: { member: string; fit: 'cover' | 'contain' | 'fill'; absent: number };
}

/**
 * Rows as the model takes them: one array a tensor, in the order of {@link ColumnLayout.tensors}. That of a tensor of images is
 * empty until they are decoded: their files stand behind all tensors, those of a row side by side, an empty one for none.
 */
export interface Columns {
  rows: number;
  arrays: ColumnArray[];
}

/** A model's columns: where each member of an input goes, and how it becomes a number. */
export interface ColumnLayout {
  tensors: readonly TensorSpec[];
  /** How many images a row has. */
  images: number;
  /** Most bytes that one row takes. */
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

const NO_IMAGE = new Uint8Array(0);

const arrayTypeOf = ({ dtype, bytes }: TensorSpec) => (bytes ? Uint8Array : ARRAY_OF[dtype]);

/** Most bytes that the columns of one micro-batch take: several are in hand at a time, in several processes. */
const MICRO_BATCH_LIMIT_BYTES = 16_777_216;

/** Rows that a model runs at once, `most` at the most: fewer where they are large, or the manifest says so. */
export const mostRowsOf = (
  { max_batch: maxBatch = Number.POSITIVE_INFINITY }: Pick<Manifest, 'max_batch'>,
  { rowBytes }: ColumnLayout,
  most: number,
): number => Math.max(1, Math.min(most, maxBatch, Math.floor(MICRO_BATCH_LIMIT_BYTES / rowBytes)));

/** Compiles a manifest's columns once; writing a row then looks nothing up. */
export function createColumnLayout(manifest: Pick<Manifest, 'columns' | 'input' | 'timezone'>): ColumnLayout {
  const tensors: TensorSpec[] = [];
  const placed = manifest.columns.map((column) => {
    let array = tensors.findIndex((tensor) => tensor.name === column.tensor);
    if (array < 0) array = tensors.push(emptyTensorOf(column)) - 1;
    const tensor = tensors[array]!;
    const offset = tensor.width;
    tensor.width += isTensorColumn(column) ? sizeOf(column.shape) : 1;
    return { column, array, offset };
  });
  const whole = placed.flatMap(({ column, array }) =>
    isTensorColumn(column) && !isImageColumn(column) ? [{ column, array }] : [],
  );
  const images = manifest.columns.filter(isImageColumn);
  const writers = placed
    .filter(({ column }) => !isTensorColumn(column))
    .map(
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
    images: images.length,
    rowBytes:
      tensors.reduce((sum, spec) => sum + spec.width * arrayTypeOf(spec).BYTES_PER_ELEMENT, 0) +
      images.reduce((sum, column) => sum + imageLimitBytes(column), 0),
    allocate: (rows) => ({
      rows,
      arrays: [
        ...tensors.map((spec) => new (arrayTypeOf(spec))(spec.image ? 0 : rows * spec.width)),
        ...Array.from({ length: rows * images.length }, () => NO_IMAGE),
      ],
    }),
    slice: ({ arrays }, from, end) => ({
      rows: end - from,
      arrays: [
        ...tensors.map(({ width }, i) => arrays[i]!.subarray(from * width, end * width)),
        ...arrays.slice(tensors.length + from * images.length, tensors.length + end * images.length),
      ],
    }),
    write(columns, row, input) {
      for (const writer of writers) {
        const value = input[writer.member];
        columns.arrays[writer.array]![row * writer.width + writer.offset] =
          value === undefined ? writer.whenAbsent : writer.encode(value);
      }
      for (const { column, array } of whole) {
        const { width } = tensors[array]!;
        const target = columns.arrays[array]!;
        const value = input[column.member];
        if (value === undefined) target.fill(column.default ?? 0, row * width, (row + 1) * width);
        else writeTensor(value, column, target, row * width);
      }
      for (let i = 0; i < images.length; i += 1) {
        const value = input[images[i]!.member];
        if (value !== undefined) columns.arrays[tensors.length + row * images.length + i] = imageBytes(value);
      }
    },
  };
}

function emptyTensorOf(column: ManifestColumn): TensorSpec {
  const { tensor: name, member, encoding, shape, scale = 1, offset = 0, fit = 'cover' } = column;
  return {
    name,
    dtype: dtypeOf(column),
    width: 0,
    ...(shape ? { shape } : {}),
    ...(encoding === 'base64' || encoding === 'image' ? { bytes: { scale, offset } } : {}),
    ...(encoding === 'image' ? { image: { member, fit, absent: column.default ?? 0 } } : {}),
  };
}

/** The columns as the network takes them, their images decoded: bytes become numbers. */
export function toNumbers(tensors: readonly TensorSpec[], { rows, arrays }: Columns): Columns {
  return {
    rows,
    arrays: arrays.map((array, i) => {
      const { bytes, dtype } = tensors[i]!;
      if (!bytes || dtype === 'bool') return array;
      const numbers = new ARRAY_OF[dtype](array.length);
      const { scale, offset } = bytes;
      for (let at = 0; at < array.length; at += 1) numbers[at] = array[at]! * scale + offset;
      return numbers;
    }),
  };
}

/** The dtype of a column's tensor: as the manifest says, else float32 for a number, bool for a boolean, int32. */
export function dtypeOf(column: ManifestColumn): TensorSpec['dtype'] {
  if (column.dtype) return column.dtype;
  if (column.encoding === 'number' || isTensorColumn(column)) return 'float32';
  return column.encoding === 'boolean' ? 'bool' : 'int32';
}

function encoderOf(
  { encoding, member, default: whenUnknown = 0 }: ManifestColumn,
  { input, timezone = 'UTC' }: Pick<Manifest, 'input' | 'timezone'>,
): (value: unknown) => number {
  if (encoding === 'boolean') return (value) => (value === true ? 1 : 0);
  if (encoding === 'enum') {
    const index = new Map((input.properties[member]?.enum ?? []).map((value, position) => [value, position]));
    return (value) => index.get(value) ?? whenUnknown;
  }
  if (encoding === 'minute_of_week') {
    const minuteOfWeek = createMinuteOfWeek(timezone);
    return (value) => minuteOfWeek(String(value));
  }
  return Number;
}
