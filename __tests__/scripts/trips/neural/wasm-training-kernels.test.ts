import * as tf from '@tensorflow/tfjs-core';
import { installTrainingKernels } from '../../../../scripts/trips/neural/wasm-training-kernels.js';
import { loadWasm } from '../../../../worker/inference/child/engines/wasm-engine.js';

beforeAll(async () => {
  // Brings the gradients along, as it does in training.
  await import('@tensorflow/tfjs-layers');
  await loadWasm();
  installTrainingKernels();
  installTrainingKernels();
});

it('sums the rows of a segment, and leaves none for an empty one', () => {
  const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
  const ids = tf.tensor1d([2, 0, 2], 'int32');
  expect([...tf.unsortedSegmentSum(x, ids, 4).dataSync()]).toEqual([3, 4, 0, 0, 6, 8, 0, 0]);
});

it('gives a table the gradient of its look-ups', () => {
  const table = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
  const ids = tf.tensor1d([1, 1, 2], 'int32');
  const gradient = tf.grad((t) => tf.sum(tf.square(tf.gather(t, ids))))(table);
  expect([...gradient.dataSync()]).toEqual([0, 0, 12, 16, 10, 12]);
});

describe('a matrix product', () => {
  const a = [1, 2, 3, 4, 5, 6];
  const b = [7, 8, 9, 10, 11, 12];
  const expected = [58, 64, 139, 154];

  it.each([
    [false, false, tf.tensor2d, a, [2, 3], b, [3, 2]],
    [true, false, tf.tensor2d, [1, 4, 2, 5, 3, 6], [3, 2], b, [3, 2]],
    [false, true, tf.tensor2d, a, [2, 3], [7, 9, 11, 8, 10, 12], [2, 3]],
    [true, true, tf.tensor2d, [1, 4, 2, 5, 3, 6], [3, 2], [7, 9, 11, 8, 10, 12], [2, 3]],
  ] as const)(
    'with transposed operands %s, %s is the same',
    (transposeA, transposeB, make, x, xShape, y, yShape) => {
      const product = tf.matMul(make([...x], [...xShape]), make([...y], [...yShape]), transposeA, transposeB);
      expect([...product.dataSync()]).toEqual(expected);
    },
  );

  it('leaves no tensor behind', () => {
    const x = tf.ones([64, 32]);
    const before = tf.memory();
    const heapBefore = tf.backend().numDataIds();
    tf.matMul(x, x, true, false).dispose();
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.backend().numDataIds()).toBe(heapBefore);
  });
});
