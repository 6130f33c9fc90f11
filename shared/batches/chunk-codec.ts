import { createHash } from 'node:crypto';
import { endianness } from 'node:os';
import type { ColumnArray, Columns, ColumnLayout } from '../model/columns.js';

// A chunk is one Redis value: three numbers of 32 bits (rows, a fingerprint of the layout, holes), the numbers of the
// rows that are holes, the lengths of images where rows have some, then each tensor's numbers as they lie in memory, and the
// images. Results are two numbers (rows, sources of outputs), one array of float32 a source, and, where inputs were at
// fault, JSON of what was wrong by row. All of it is little-endian.

const CHUNK_HEADER_WORDS = 3;
const RESULTS_HEADER_WORDS = 2;

/** The packed columns do not fit the model that should run them: it was replaced by one with other columns. */
export class ChunkLayoutError extends Error {
  override name = 'ChunkLayoutError';
}

/** Rows as a chunk carries them. */
export interface ChunkRows {
  /** All rows, holes included: their columns hold zeros. */
  columns: Columns;
  /** Numbers of the rows that were invalid, ascending. */
  holes: Uint32Array;
}

/** Packs the first `columns.rows` rows. */
export function encodeChunk(layout: ColumnLayout, { columns, holes }: ChunkRows): Buffer {
  const header = Uint32Array.of(columns.rows, layoutFingerprint(layout), holes.length);
  const { arrays } = layout.slice(columns, 0, columns.rows);
  const lengths = Uint32Array.from(arrays.slice(layout.tensors.length), ({ length }) => length);
  return pack([header, holes, lengths, ...arrays]);
}

/** Unpacks what {@link encodeChunk} packed for the same layout. Throws {@link ChunkLayoutError} for another one. */
export function decodeChunk(layout: ColumnLayout, bytes: Buffer): ChunkRows {
  const header = new Uint32Array(CHUNK_HEADER_WORDS);
  unpack([header], bytes, 0);
  const [rows = 0, fingerprint, holeCount = 0] = header;
  const columns = layout.allocate(fingerprint === layoutFingerprint(layout) ? rows : 0);
  const holes = new Uint32Array(holeCount);
  const lengths = new Uint32Array(columns.rows * layout.images);
  unpack([lengths], bytes, header.byteLength + holes.byteLength);
  const own = [holes, lengths, ...columns.arrays];
  const start = own.reduce((sum, array) => sum + array.byteLength, header.byteLength);
  const end = lengths.reduce((sum, length) => sum + length, start);
  if (fingerprint !== layoutFingerprint(layout) || end !== bytes.length) {
    throw new ChunkLayoutError(
      'the rows were packed for a version of the model with other columns: send them again',
    );
  }
  unpack(own, bytes, header.byteLength);
  let at = start;
  lengths.forEach((length, i) => {
    columns.arrays[layout.tensors.length + i] = new Uint8Array(bytes.buffer, bytes.byteOffset + at, length);
    at += length;
  });
  return { columns, holes };
}

/** A prediction for a chunk: an array a source of the model's outputs, some numbers a row each. */
export interface ChunkOutputs {
  rows: number;
  values: Float32Array[];
  /** What was wrong with inputs, by row; their values are NaN. */
  faults?: Readonly<Record<number, string>>;
}

/** Packs a prediction; NaN marks a row without a valid answer. */
export const encodeResults = ({ rows, values, faults }: ChunkOutputs): Buffer =>
  pack([
    Uint32Array.of(rows, values.length),
    ...values,
    ...(faults ? [Buffer.from(JSON.stringify(faults))] : []),
  ]);

/**
 * Unpacks what {@link encodeResults} packed; `widths` are the numbers a row of each source. Undefined where the results are
 * of other outputs.
 */
export function decodeResults(bytes: Buffer, widths: readonly number[]): ChunkOutputs | undefined {
  const header = new Uint32Array(RESULTS_HEADER_WORDS);
  unpack([header], bytes, 0);
  const [rows = 0, count = 0] = header;
  const values = widths.map((width) => new Float32Array(rows * width));
  const end = values.reduce((sum, array) => sum + array.byteLength, header.byteLength);
  if (count !== widths.length || end > bytes.length) return undefined;
  unpack(values, bytes, header.byteLength);
  if (end === bytes.length) return { rows, values };
  const faults = faultsIn(bytes.toString('utf8', end));
  return faults && { rows, values, faults };
}

function faultsIn(text: string): Record<number, string> | undefined {
  try {
    return JSON.parse(text) as Record<number, string>;
  } catch {
    return undefined;
  }
}

type Packed = ColumnArray | Uint32Array;

function pack(arrays: readonly Packed[]): Buffer {
  assertLittleEndian();
  return Buffer.concat(arrays.map((array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength)));
}

/** Copies bytes into the arrays, one after the other: a typed array over Redis's bytes would need them aligned. */
function unpack(arrays: readonly Packed[], bytes: Buffer, start: number): void {
  assertLittleEndian();
  let offset = start;
  for (const array of arrays) {
    const target = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    target.set(bytes.subarray(offset, offset + array.byteLength));
    offset += array.byteLength;
  }
}

function layoutFingerprint(layout: ColumnLayout): number {
  return createHash('sha256').update(JSON.stringify(layout.tensors)).digest().readUInt32LE(0);
}

function assertLittleEndian(): void {
  if (endianness() !== 'LE') throw new Error('chunks are little-endian and this machine is not');
}
