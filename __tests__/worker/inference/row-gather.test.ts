import {
  backend,
  getKernel,
  type KernelConfig,
  type Tensor,
  type TensorInfo,
  tensor,
  tidy,
} from '@tensorflow/tfjs-core';
import { loadWasmPackage, tf } from '../../../worker/inference/child/tensorflow.js';
import { ENGINES } from '../../../worker/inference/child/engines/engines.js';
import { rowGatherOver } from '../../../worker/inference/child/engines/row-gather.js';

let stock: KernelConfig;
let byRows: KernelConfig;
beforeAll(async () => {
  loadWasmPackage();
  stock = getKernel('GatherV2', 'wasm');
  byRows = rowGatherOver(stock);
  await ENGINES.wasm.load({ gpuMemoryMb: undefined, allowSoftware: true });
});

/** Shape, type and bits of what a kernel gathers, or its error. */
function gather({ kernelFunc }: KernelConfig, x: Tensor, indices: Tensor, attrs: object) {
  try {
    const out = kernelFunc({ inputs: { x, indices }, attrs: { ...attrs }, backend: backend() }) as TensorInfo;
    const values = backend().readSync(out.dataId) as Float32Array;
    backend().disposeData(out.dataId);
    return { shape: out.shape, dtype: out.dtype, bits: [...new Uint8Array(values.buffer)] };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

const SHAPES = [[1, 1], [7, 1], [7, 3], [265, 16], [5, 63], [5, 64], [5, 200], [4, 2, 3], [3, 0], [6]];
const INDICES = [
  [0],
  [2, 0, 2, 1],
  [
    [0, 1],
    [2, 0],
  ],
  [],
  [[2]],
  [-1],
  [0, 999],
  [2 ** 31 - 1],
];
const cases = SHAPES.flatMap((shape) =>
  (['float32', 'int32', 'bool'] as const).flatMap((dtype) =>
    [
      { axis: 0, batchDims: 0 },
      { axis: shape.length - 1, batchDims: 0 },
      { axis: -1, batchDims: 0 },
    ].map((attrs) => ({ shape, dtype, attrs })),
  ),
);

it.each(cases)(
  'answers and throws as the stock kernel does for $shape of $dtype, $attrs',
  ({ shape, dtype, attrs }) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const values = Array.from({ length: size }, (_, i) => (dtype === 'bool' ? i % 2 : i * 3 - 7));
    for (const indices of INDICES) {
      tidy(() => {
        const args = [tensor(values, shape, dtype), tensor(indices, undefined, 'int32'), attrs] as const;
        expect(gather(byRows, ...args)).toEqual(gather(stock, ...args));
      });
    }
  },
);

it.each([[[3, 2]], [[3, 100]], [[3, 2, 2]]])('gathers rows of a table of shape %j by itself', (shape) => {
  const refuse = (): never => {
    throw new Error('the stock kernel was asked');
  };
  const alone = rowGatherOver({ ...stock, kernelFunc: refuse });
  tidy(() => {
    const x = tf.zeros(shape);
    const found = gather(alone, x, tensor([2, 0], [2], 'int32'), { axis: 0, batchDims: 0 });
    expect(found.shape).toEqual([2, ...shape.slice(1)]);
  });
});

it('keeps every bit of a NaN', () => {
  const table = new Float32Array(Uint32Array.of(0x7fa12345, 0xffc00001, 1, 2).buffer);
  tidy(() => {
    const found = gather(byRows, tensor(table, [2, 2]), tensor([0], [1], 'int32'), { axis: 0, batchDims: 0 });
    expect(found.bits).toEqual([...new Uint8Array(table.buffer, 0, 8)]);
  });
});

it('is what the engine wasm gathers with, installed once', async () => {
  const installed = tf.getKernel('GatherV2', 'wasm');
  expect(installed).not.toBe(stock);
  await ENGINES.wasm.load({ gpuMemoryMb: undefined, allowSoftware: true });
  expect(tf.getKernel('GatherV2', 'wasm')).toBe(installed);
});
