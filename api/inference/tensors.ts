import { isUtf8 } from 'node:buffer';
import type { Datatype } from '../../shared/contract/inference.js';
import { ProblemError } from '../http/problem.js';

/** One value of a tensor. */
export type Value = number | boolean | string;

/** Values of a tensor in row-major order, in JSON as they came, in binary read when they are asked for. */
export interface Values {
  length: number;
  at(index: number): unknown;
}

interface NumericType {
  /** Of one value in binary, little-endian. */
  bytes: number;
  read(from: Buffer, at: number): Value;
}

const NUMERIC = {
  BOOL: { bytes: 1, read: (from, at) => from[at] !== 0 },
  UINT8: { bytes: 1, read: (from, at) => from.readUInt8(at) },
  UINT16: { bytes: 2, read: (from, at) => from.readUInt16LE(at) },
  UINT32: { bytes: 4, read: (from, at) => from.readUInt32LE(at) },
  UINT64: { bytes: 8, read: (from, at) => Number(from.readBigUInt64LE(at)) },
  INT8: { bytes: 1, read: (from, at) => from.readInt8(at) },
  INT16: { bytes: 2, read: (from, at) => from.readInt16LE(at) },
  INT32: { bytes: 4, read: (from, at) => from.readInt32LE(at) },
  INT64: { bytes: 8, read: (from, at) => Number(from.readBigInt64LE(at)) },
  FP32: { bytes: 4, read: (from, at) => from.readFloatLE(at) },
  FP64: { bytes: 8, read: (from, at) => from.readDoubleLE(at) },
} as const satisfies Record<Exclude<Datatype, 'BYTES'>, NumericType>;

/** A 400 problem of a request whose tensors cannot be read, or are not what the model takes. */
export const malformed = (detail: string): ProblemError => new ProblemError('malformed-inference', detail);

/** The values of a tensor in binary. Throws a 400 problem for bytes that are no whole values. */
export function binaryValues(name: string, datatype: Datatype, bytes: Buffer): Values {
  if (datatype === 'BYTES') return splitTexts(name, bytes);
  const { bytes: size, read } = NUMERIC[datatype];
  if (bytes.length % size !== 0) throw malformed(`${name}: ${bytes.length} bytes are no whole ${datatype}`);
  return { length: bytes.length / size, at: (index) => read(bytes, index * size) };
}

/** Each text follows its length in bytes, a little-endian uint32. One that is not UTF-8 stays bytes. */
function splitTexts(name: string, bytes: Buffer): (string | Buffer)[] {
  const texts: (string | Buffer)[] = [];
  for (let at = 0; at < bytes.length; ) {
    const start = at + 4;
    const end = start > bytes.length ? Number.NaN : start + bytes.readUInt32LE(at);
    const text = bytes.subarray(start, end);
    if (!(end <= bytes.length)) throw malformed(`${name}: text ${texts.length} is not whole UTF-8`);
    texts.push(isUtf8(text) ? text.toString() : text);
    at = end;
  }
  return texts;
}

/** The values of an output in binary. */
export function toBinary(datatype: 'FP32' | 'BYTES', values: readonly Value[]): Buffer {
  if (datatype === 'FP32') return Buffer.from(Float32Array.from(values as number[]).buffer);
  return Buffer.concat(
    values.flatMap((value) => {
      const text = Buffer.from(String(value));
      const length = Buffer.alloc(4);
      length.writeUInt32LE(text.length);
      return [length, text];
    }),
  );
}
