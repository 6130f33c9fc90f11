import type { KernelConfig, KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { tf } from '../tensorflow.js';

/** Rows of at least so many numbers are copied by one call each; a call costs as much as a loop over so many. */
const WIDE_ROW = 64;

let isInstalled = false;

/**
 * Lets the kernel GatherV2 of the WebAssembly backend copy rows of a table as rows. The stock kernel computes an address
 * for each number, which takes 20 to 40 ns a number; it still serves whatever is no gather of whole rows, and throws its
 * errors for indices out of range.
 */
export function installRowGather(): void {
  const stock = tf.getKernel('GatherV2', 'wasm');
  if (isInstalled || !stock) return;
  isInstalled = true;
  tf.unregisterKernel('GatherV2', 'wasm');
  tf.registerKernel(rowGatherOver(stock));
}

/** The kernel with the stock one behind it. */
export function rowGatherOver(stock: KernelConfig): KernelConfig {
  const gather: KernelFunc = (params) => gatherRows(params) ?? stock.kernelFunc(params);
  return { ...stock, kernelFunc: gather };
}

/** Undefined where the stock kernel has to answer. */
function gatherRows({ inputs, attrs, backend }: Parameters<KernelFunc>[0]): TensorInfo | undefined {
  const { x, indices } = inputs as { x: TensorInfo; indices: TensorInfo };
  const [tableRows = 0, ...rowShape] = x.shape;
  const isTable = (x.dtype === 'float32' || x.dtype === 'int32') && x.shape.length > 1;
  if (!isTable || attrs?.['axis'] !== 0 || attrs['batchDims'] || indices.dtype !== 'int32') return undefined;
  const wasm = backend as BackendWasm;
  const width = rowShape.reduce((product, size) => product * size, 1);
  const wanted = wordsOf(wasm, indices);
  if (width === 0 || !wanted.every((index) => index >= 0 && index < tableRows)) return undefined;
  const out = wasm.makeOutput([...indices.shape, ...rowShape], x.dtype);
  // The output may have moved the heap: only now are views of it good. As integers, no bit of a NaN changes.
  const [from, rows, to] = [wordsOf(wasm, x), wordsOf(wasm, indices), wordsOf(wasm, out)];
  for (let row = 0, at = 0; row < rows.length; row += 1) {
    const start = rows[row]! * width;
    if (width >= WIDE_ROW) to.set(from.subarray(start, start + width), at);
    else for (let i = 0; i < width; i += 1) to[at + i] = from[start + i]!;
    at += width;
  }
  return out;
}

const wordsOf = (wasm: BackendWasm, { dataId, shape }: TensorInfo): Int32Array =>
  wasm.typedArrayFromHeap({ dataId, shape, dtype: 'int32' }) as Int32Array;
