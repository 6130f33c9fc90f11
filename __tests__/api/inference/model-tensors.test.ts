import { inputTensors, outputTensors, rowsOf } from '../../../api/inference/model-tensors.js';
import type { Datatype } from '../../../shared/contract/inference.js';
import type { Manifest } from '../../../shared/model/manifest.js';

const LABELS = ['cat', 'dog', 'cow'];
const MANIFEST: Manifest = {
  schema: 1,
  name: 'pets',
  version: '1.0.0',
  title: 'Pets',
  description: 'What a picture shows.',
  format: 'tfjs-graph',
  input: {
    type: 'object',
    properties: {
      picture: { type: 'string' },
      sound: { type: 'array' },
      year: { enum: [2020, 2021] },
      taken_at: { type: 'string' },
    },
    additionalProperties: false,
  },
  example: {},
  timezone: 'UTC',
  columns: [
    { member: 'picture', encoding: 'base64', tensor: 'x', shape: [2, 2] },
    { member: 'sound', encoding: 'array', tensor: 'y', shape: [3] },
    { member: 'year', encoding: 'enum', tensor: 'z' },
    { member: 'taken_at', encoding: 'minute_of_week', tensor: 't' },
  ],
  outputs: [
    { member: 'pet', tensor: 'a', labels: LABELS },
    { member: 'best', tensor: 'a', labels: LABELS, top: 2 },
    { member: 'map', tensor: 'b', shape: [2, 1] },
  ],
  figures: {},
};

it('makes a tensor of each member, and two of the best labels', () => {
  expect(inputTensors(MANIFEST)).toEqual([
    { name: 'picture', datatype: 'UINT8', shape: [2, 2] },
    { name: 'sound', datatype: 'FP32', shape: [3] },
    { name: 'year', datatype: 'FP32', shape: [] },
    { name: 'taken_at', datatype: 'BYTES', shape: [] },
  ]);
  const best = [
    { label: 'dog', score: 0.5 },
    { label: 'cow', score: 0.25 },
  ];
  const result = { pet: 'dog', best, map: [[1], [2]] };
  expect(
    outputTensors(MANIFEST).map(({ name, datatype, shape, valuesOf }) => [
      name,
      datatype,
      shape,
      valuesOf(result),
    ]),
  ).toEqual([
    ['pet', 'BYTES', [], ['dog']],
    ['best', 'BYTES', [2], ['dog', 'cow']],
    ['best.score', 'FP32', [2], [0.5, 0.25]],
    ['map', 'FP32', [2, 1], [1, 2]],
  ]);
});

const picture = (shape: number[], values: unknown[], datatype: Datatype = 'UINT8') => ({
  name: 'picture',
  datatype,
  shape,
  values,
});
const read = (...tensors: ReturnType<typeof picture>[]): unknown[] => {
  const rows = rowsOf(MANIFEST, tensors);
  return Array.from({ length: rows.count }, (_, row) => rows.at(row));
};
const BYTES = [1, 2, 3, 4, 5, 6, 7, 8];
const base64 = (from: number, to: number): string => Buffer.from(BYTES.slice(from, to)).toString('base64');

it.each([
  ['of their shape', [2, 2, 2]],
  ['flat', [2, 4]],
])('reads bytes %s, row after row', (_, shape) => {
  expect(read(picture(shape, BYTES))).toEqual([{ picture: base64(0, 4) }, { picture: base64(4, 8) }]);
});

it('reads bytes in base64, and arrays', () => {
  const sound = { name: 'sound', datatype: 'FP32' as const, shape: [1, 3], values: [0.5, 1, 2] };
  expect(read(picture([1], ['AQIDBA=='], 'BYTES'), sound)).toEqual([
    { picture: 'AQIDBA==', sound: [0.5, 1, 2] },
  ]);
});

it.each([
  [[2, 4, 1], BYTES, 'must be of the shape ["rows",2,2]'],
  [[2], BYTES, 'must be of the shape ["rows",2,2]'],
  [[1, 2, 2], BYTES, 'has 8 values, and its shape says 4'],
  [[2, 4], [256, ...BYTES.slice(1)], 'has values that are no bytes, in row 0'],
  [[2, 4], ['1', ...BYTES.slice(1)], 'has values that are no bytes, in row 0'],
])('refuses %j of %j', (shape, values, detail) => {
  expect(() => read(picture(shape, values))).toThrow(detail);
});
