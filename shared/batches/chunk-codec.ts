import { createHash } from 'node:crypto';
import { endianness } from 'node:os';
import type { ColumnArray, ColumnBatch, ColumnLayout } from '../model/columns.js';

// A chunk is one Redis value: a header of 8 bytes (rows, then a fingerprint of the layout), then each tensor's
// numbers as they lie in memory, little-endian. Results are the same with one array of float32 an output.

const HEADER_BYTES = 8;

/** The packed columns do not fit the model that should run them: it was replaced by one with other columns. */
export class ChunkLayoutError extends Error {
  override name = 'ChunkLayoutError';
}

/** Packs the first `batch.rows` rows. */
export function encodeChunk(layout: ColumnLayout, batch: ColumnBatch): Buffer {
  assertLittleEndian();
  return pack(
    batch.rows,
    layoutFingerprint(layout),
    batch.arrays.map((array, i) => array.subarray(0, batch.rows * widthOf(layout, i))),
  );
}

/** Unpacks what {@link encodeChunk} packed for the same layout. Throws {@link ChunkLayoutError} for another one. */
export function decodeChunk(layout: ColumnLayout, bytes: Buffer): ColumnBatch {
  const rows = bytes.readUInt32LE(0);
  const expected =
    HEADER_BYTES +
    layout.allocate(0).arrays.reduce((sum, a, i) => sum + rows * widthOf(layout, i) * a.BYTES_PER_ELEMENT, 0);
  if (bytes.readUInt32LE(4) !== layoutFingerprint(layout) || bytes.length !== expected) {
    throw new ChunkLayoutError(
      'the rows were packed for a version of the model with other columns: send them again',
    );
  }
  const batch = layout.allocate(rows);
  let offset = HEADER_BYTES;
  for (const array of batch.arrays) offset = fill(array, bytes, offset);
  return batch;
}

/** Packs one array a model output, a number a row; NaN marks a row without a valid answer. */
export function encodeResults(outputs: readonly Float32Array[]): Buffer {
  assertLittleEndian();
  return pack(outputs[0]?.length ?? 0, outputs.length, outputs);
}

/** Unpacks what {@link encodeResults} packed. */
export function decodeResults(bytes: Buffer): Float32Array[] {
  const rows = bytes.readUInt32LE(0);
  let offset = HEADER_BYTES;
  return Array.from({ length: bytes.readUInt32LE(4) }, () => {
    const output = new Float32Array(rows);
    offset = fill(output, bytes, offset);
    return output;
  });
}

function pack(first: number, second: number, arrays: readonly ColumnArray[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(first, 0);
  header.writeUInt32LE(second, 4);
  return Buffer.concat([header, ...arrays.map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength))]);
}

function fill(array: ColumnArray, bytes: Buffer, offset: number): number {
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(
    bytes.subarray(offset, offset + array.byteLength),
  );
  return offset + array.byteLength;
}

const widthOf = (layout: ColumnLayout, tensor: number): number => layout.tensors[tensor]?.width ?? 0;

function layoutFingerprint(layout: ColumnLayout): number {
  return createHash('sha256').update(JSON.stringify(layout.tensors)).digest().readUInt32LE(0);
}

function assertLittleEndian(): void {
  if (endianness() !== 'LE') throw new Error('chunks are little-endian and this machine is not');
}
