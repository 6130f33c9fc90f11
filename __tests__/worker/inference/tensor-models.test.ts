import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memory, tensor1d, tensor2d } from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { packModel, writePackage } from '../../../scripts/trips/model-package.js';
import type { Manifest } from '../../../shared/model/manifest.js';
import { createRowReader } from '../../../shared/model/row-reader.js';
import { ENGINES } from '../../../worker/inference/child/engines/engines.js';
import { loadModelRuntime, type ModelRuntime } from '../../../worker/inference/child/model-runtime.js';

beforeAll(() => ENGINES.wasm.load({ gpuMemoryMb: undefined, allowSoftware: true }));

let folder: string;
let runtime: ModelRuntime | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waggle-tensors-'));
});
afterEach(() => {
  runtime?.dispose();
  runtime = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const LABELS = ['cat', 'dog', 'bee'];

const manifest = (encoding: 'array' | 'base64', changes: Partial<Manifest> = {}): Manifest => ({
  schema: 1,
  name: 'pixels',
  version: '1.0.0',
  title: 'Pixels',
  description: 'Scores of six pixels, which are their sums, and the pixels again.',
  format: 'tfjs-layers',
  input: {
    type: 'object',
    properties: { pixels: { type: encoding === 'array' ? 'array' : 'string' } },
    required: ['pixels'],
    additionalProperties: false,
  },
  example: {
    pixels: encoding === 'array' ? [1, 0, 0, 0, 0, 0] : Buffer.of(1, 0, 0, 0, 0, 0).toString('base64'),
  },
  columns: [{ member: 'pixels', encoding, tensor: 'image', shape: [2, 3, 1], scale: 0.5, offset: 1 }],
  outputs: [
    { member: 'kind', tensor: 'scores', labels: LABELS },
    { member: 'best', tensor: 'scores', labels: LABELS, top: 2, decimals: 2 },
    { member: 'dog', tensor: 'scores', column: 1 },
    { member: 'image', tensor: 'again', shape: [3, 2] },
  ],
  figures: {},
  ...changes,
});

/** Writes a package of a network whose three scores are sums of its pixels, two each; `rows`: its first size. */
async function write(of: Manifest, rows?: number): Promise<void> {
  const image = tfl.input({ batchShape: [rows ?? null, 2, 3, 1], name: 'image' });
  const flat = tfl.layers.flatten().apply(image) as tfl.SymbolicTensor;
  const scores = tfl.layers.dense({ units: 3, name: 'scores' }).apply(flat) as tfl.SymbolicTensor;
  const again = tfl.layers.reshape({ targetShape: [6], name: 'again' }).apply(flat) as tfl.SymbolicTensor;
  const network = tfl.model({ inputs: image, outputs: [scores, again] });
  const pairs = [0, 0, 1, 1, 2, 2].map((score) => [0, 1, 2].map((unit) => (unit === score ? 1 : 0)));
  network.getLayer('scores').setWeights([tensor2d(pairs), tensor1d([0, 0, 0])]);
  writePackage(await packModel(folder, network, of), {});
  network.dispose();
}

const loaded = async (): Promise<ModelRuntime> => (runtime ??= await loadModelRuntime(folder));

async function answers(inputs: readonly unknown[]) {
  const model = await loaded();
  const { layout } = model;
  const columns = layout.allocate(inputs.length);
  inputs.forEach((pixels, row) => layout.write(columns, row, { pixels }));
  const { outputs } = await model.predict(columns);
  const read = createRowReader(model.manifest);
  return inputs.map((_, row) => read(outputs, row));
}

const ANSWERS = [
  {
    kind: 'dog',
    best: [
      { label: 'dog', score: 7 },
      { label: 'bee', score: 2.5 },
    ],
    dog: 7,
    image: [
      [1, 1],
      [3, 4],
      [1, 1.5],
    ],
  },
  {
    kind: 'cat',
    best: [
      { label: 'cat', score: 3 },
      { label: 'dog', score: 2 },
    ],
    dog: 2,
    image: [
      [1.5, 1.5],
      [1, 1],
      [1, 1],
    ],
  },
].map((result) => ({ ok: true, result }));

const PIXELS = [
  [0, 0, 4, 6, 0, 1],
  [1, 1, 0, 0, 0, 0],
] as const;

it.each([
  ['rows together', undefined],
  ['one row a call, since its first size is 1', 1],
])('runs tensors of any shape, %s: flat, nested and as bytes', async (_, rows) => {
  await write(manifest('array'), rows);
  const nested = PIXELS.map((all) => [all.slice(0, 3).map((one) => [one]), all.slice(3).map((one) => [one])]);
  expect(await answers(PIXELS)).toEqual(ANSWERS);
  expect(await answers(nested)).toEqual(ANSWERS);
  runtime?.dispose();
  runtime = undefined;
  await write(manifest('base64'), rows);
  const tensors = memory().numTensors;
  for (let call = 0; call < 12; call += 1) {
    expect(await answers(PIXELS.map((all) => Buffer.from(all).toString('base64')))).toEqual(ANSWERS);
  }
  expect(memory().numTensors - tensors).toBe(2);
  const { layout } = await loaded();
  expect([layout.rowBytes, layout.tensors[0]?.width]).toEqual([6, 6]);
});

it.each([
  [
    'labels of another number',
    { outputs: [{ member: 'kind', tensor: 'scores', labels: ['a', 'b'] }] },
    /3 numbers|6 numbers/,
  ],
  ['another shape', { outputs: [{ member: 'image', tensor: 'again', shape: [5] }] }, /not 5 a row/],
])('refuses an answer that is not as the manifest says: %s', async (_, changes, message) => {
  await write(manifest('array', changes));
  await expect(answers(PIXELS)).rejects.toThrow(message);
});

it('refuses a shape that the network does not have', async () => {
  await write(
    manifest('array', {
      columns: [{ member: 'pixels', encoding: 'array', tensor: 'image', shape: [6, 2] }],
      example: { pixels: Array<number>(12).fill(0) },
    }),
  );
  await expect(answers(PIXELS)).rejects.toThrow(
    'put 12 numbers a row into the tensor "image" of shape [-1,2,3,1]',
  );
});
