import { chunkRowsOf } from '../../../api/batches/upload/chunk-packer.js';
import { createColumnLayout, mostRowsOf } from '../../../shared/model/columns.js';
import type { Manifest } from '../../../shared/model/manifest.js';

const MIB = 1_048_576;

/** The columns of one member of so many numbers, four bytes each or, as bytes, one. */
const layoutOf = (encoding: 'array' | 'base64', numbers: number) =>
  createColumnLayout({
    input: { properties: {} },
    columns: [{ member: 'all', encoding, tensor: 'all', shape: [numbers] }],
  } as unknown as Manifest);

it('bounds the rows of a micro-batch by 16 MiB of columns, and by max_batch', () => {
  expect(mostRowsOf({}, layoutOf('array', 1), 64)).toBe(64);
  expect(mostRowsOf({}, layoutOf('array', MIB), 64)).toBe(4);
  expect(mostRowsOf({}, layoutOf('base64', MIB), 64)).toBe(16);
  expect(mostRowsOf({ max_batch: 3 }, layoutOf('base64', MIB), 64)).toBe(3);
  expect(mostRowsOf({}, layoutOf('array', 5 * MIB), 64)).toBe(1);
});

it('counts an image with as many bytes as it may have', () => {
  const column = { member: 'all', encoding: 'image', tensor: 'all', shape: [10, 10, 3] };
  const layoutFor = (max_bytes?: number) =>
    createColumnLayout({
      input: { properties: {} },
      columns: [{ ...column, max_bytes }],
    } as unknown as Manifest);
  expect([mostRowsOf({}, layoutFor(), 64), mostRowsOf({}, layoutFor(4 * MIB), 64)]).toEqual([15, 3]);
  expect([layoutFor(), layoutFor(10 * MIB)].map((layout) => chunkRowsOf({ layout }, 4_096))).toEqual([3, 1]);
});

it('bounds the rows of a chunk by 4 MiB of columns', () => {
  const rows = (encoding: 'array' | 'base64', numbers: number) =>
    chunkRowsOf({ layout: layoutOf(encoding, numbers) }, 4_096);
  expect([rows('array', 3), rows('array', 1_024), rows('base64', 2_048), rows('array', 2 * MIB)]).toEqual([
    4_096, 1_024, 2_048, 1,
  ]);
});
