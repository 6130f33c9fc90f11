import {
  DATA_URL_CHARS,
  IMAGE_LIMIT_PIXELS,
  imageBase64,
  type ImageColumn,
  imageLimitBytes,
  problemOfImage,
} from './image-members.js';
import type { ManifestColumn, ManifestProperty } from './manifest.js';

/** A column that is the whole tensor of a row. */
export type TensorColumn = ImageColumn | (ManifestColumn & { encoding: 'array' | 'base64'; shape: number[] });

export const isTensorColumn = (column: ManifestColumn): column is TensorColumn =>
  column.encoding === 'array' || column.encoding === 'base64' || column.encoding === 'image';

export const isImageColumn = (column: ManifestColumn): column is ImageColumn => column.encoding === 'image';

/** How many numbers an array of this shape holds. */
export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);

const base64Chars = (bytes: number): number => 4 * Math.ceil(bytes / 3);
/** Characters of the longest JSON number, with what stands between two. */
const NUMBER_CHARS = 26;

function longestTextOf(column: TensorColumn): number {
  if (isImageColumn(column)) return DATA_URL_CHARS + base64Chars(imageLimitBytes(column));
  const size = sizeOf(column.shape);
  return column.encoding === 'base64' ? base64Chars(size) : NUMBER_CHARS * size;
}

/** Characters that the tensors of an input may take in JSON: bodies and rows of the model may be longer by so much. */
export const tensorChars = (columns: readonly ManifestColumn[]): number =>
  columns.filter(isTensorColumn).reduce((sum, column) => sum + longestTextOf(column), 0);

/** The schema of a member for whoever writes one: its own, and what follows from the shape. */
export function documentedProperty(property: ManifestProperty, column: TensorColumn): object {
  const { encoding, shape, dtype } = column;
  if (encoding === 'image') {
    const maxLength = longestTextOf(column);
    return { ...property, contentEncoding: 'base64', contentMediaType: 'image/*', maxLength };
  }
  if (encoding === 'base64') {
    const chars = base64Chars(sizeOf(shape));
    return { ...property, contentEncoding: 'base64', minLength: chars, maxLength: chars };
  }
  const number = { type: dtype === 'int32' || dtype === 'bool' ? 'integer' : 'number' };
  const arrayOf = (items: object, size: number): object => ({
    type: 'array',
    items,
    minItems: size,
    maxItems: size,
  });
  const nested = shape.reduceRight<object>(arrayOf, number);
  const flat = arrayOf(number, sizeOf(shape));
  return shape.length === 1 ? { ...property, ...flat } : { ...property, anyOf: [flat, nested] };
}

/** Why a value is none for a column; undefined where it is one. Stops at the first fault, however long the value is. */
export function problemOfTensor(value: unknown, column: TensorColumn): string | undefined {
  const { encoding, shape, dtype } = column;
  const size = sizeOf(shape);
  if (isImageColumn(column)) return typeof value === 'string' ? problemOfImageText(value, column) : undefined;
  if (encoding === 'base64') {
    if (typeof value !== 'string') return undefined;
    const bytes = Buffer.byteLength(value, 'base64');
    if (value.length === base64Chars(size) && bytes === size && BASE64.test(value)) return undefined;
    return `must be ${size} bytes in base64, which are ${base64Chars(size)} characters`;
  }
  if (!Array.isArray(value)) return undefined;
  const isWanted = dtype === 'int32' || dtype === 'bool' ? isInt32 : isFloat32;
  const isWhole = Array.isArray(value[0])
    ? isNested(value, shape, isWanted)
    : value.length === size && value.every(isWanted);
  if (isWhole) return undefined;
  const kind = isWanted === isInt32 ? 'whole numbers' : 'numbers';
  const nested = shape.length > 1 ? `, flat or in arrays of the shape [${shape.join(', ')}]` : '';
  return `must be an array of ${size} ${kind}${nested}`;
}

function problemOfImageText(value: string, column: ImageColumn): string | undefined {
  const limitBytes = imageLimitBytes(column);
  const text = imageBase64(value);
  const isLong = Buffer.byteLength(text, 'base64') > limitBytes;
  if (isLong) return `must be an image of at most ${limitBytes} bytes`;
  const problem = BASE64.test(text) ? problemOfImage(Buffer.from(text, 'base64')) : 'is no image';
  if (problem === 'is too large') return `must be an image of at most ${IMAGE_LIMIT_PIXELS} pixels`;
  return problem && 'must be a JPEG, PNG or WebP image in base64';
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const isInt32 = (value: unknown): boolean =>
  typeof value === 'number' && value === Math.trunc(value) && Math.abs(value) < 2 ** 31;
const isFloat32 = (value: unknown): boolean =>
  typeof value === 'number' && Number.isFinite(Math.fround(value));

function isNested(
  value: unknown,
  [size, ...inner]: readonly number[],
  isWanted: (one: unknown) => boolean,
): boolean {
  if (!Array.isArray(value) || value.length !== size) return false;
  return inner.length === 0 ? value.every(isWanted) : value.every((part) => isNested(part, inner, isWanted));
}

/** The bytes of a valid image. */
export function imageBytes(value: unknown): Uint8Array {
  const bytes = Buffer.from(imageBase64(String(value)), 'base64');
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Writes a valid value into `target` from `at` on. Arrays are scaled here; bytes stay bytes until the tensor is made. */
export function writeTensor(
  value: unknown,
  { encoding, scale = 1, offset = 0 }: TensorColumn,
  target: Float32Array | Int32Array | Uint8Array,
  at: number,
): void {
  if (encoding === 'base64') {
    target.set(Buffer.from(String(value), 'base64'), at);
    return;
  }
  let next = at;
  const write = (part: unknown): void => {
    if (Array.isArray(part)) for (const one of part) write(one);
    else target[next++] = Number(part) * scale + offset;
  };
  write(value);
}
