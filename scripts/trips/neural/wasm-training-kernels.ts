import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import tf = require('@tensorflow/tfjs-core');

/**
 * The wasm backend of TensorFlow.js 4.22 is made for inference. Two things stand between it and training, and
 * both are put right here, in this process only; a saved model needs neither.
 *
 * - `UnsortedSegmentSum`, the gradient of a look-up in a table, has no kernel. Training any Embedding stops with
 *   "Kernel 'UnsortedSegmentSum' not registered for backend 'wasm'".
 * - `BatchMatMul` of a transposed operand, the gradient of every Dense layer, leaves XNNPACK for a naive loop that
 *   is ten times slower than transposing first (5.5 ms against 0.5 for 512x128x64).
 */
export function installTrainingKernels(): void {
  if (tf.getKernel('UnsortedSegmentSum', 'wasm')) return;
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName: 'wasm',
    kernelFunc: unsortedSegmentSum,
  });
  const matMul = kernelOf('BatchMatMul');
  const transpose = kernelOf('Transpose');
  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel({
    kernelName: 'BatchMatMul',
    backendName: 'wasm',
    kernelFunc: (call) => matMulOfTransposed(call, matMul, transpose),
  });
}

type Kernel = tf.KernelFunc;
type KernelCall = Parameters<Kernel>[0];

/** Sums the rows of x whose id is the same: out[id] = sum of x[row] where segmentIds[row] = id. */
function unsortedSegmentSum({ inputs, backend, attrs }: KernelCall): tf.TensorInfo {
  const wasm = backend as BackendWasm;
  const { x, segmentIds } = inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo };
  const { numSegments } = attrs as { numSegments: number };
  const width = tf.util.sizeFromShape(x.shape.slice(segmentIds.shape.length));
  const out = wasm.makeOutput([numSegments, ...x.shape.slice(segmentIds.shape.length)], x.dtype);
  const sums = wasm.typedArrayFromHeap(out);
  const values = wasm.typedArrayFromHeap(x);
  const ids = wasm.typedArrayFromHeap(segmentIds);
  // The heap is handed out as the last tensor left it.
  sums.fill(0);
  for (let row = 0; row < ids.length; row++) {
    const target = ids[row]! * width;
    for (let column = 0; column < width; column++) sums[target + column]! += values[row * width + column]!;
  }
  return out;
}

function matMulOfTransposed({ inputs, backend, attrs }: KernelCall, matMul: Kernel, transpose: Kernel) {
  const wasm = backend as BackendWasm;
  const temporaries: tf.TensorInfo[] = [];
  const plain = (x: tf.TensorInfo, transposed: unknown): tf.TensorInfo => {
    if (transposed !== true) return x;
    const rank = x.shape.length;
    const perm = x.shape.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
    const turned = transpose({ inputs: { x }, backend, attrs: { perm } }) as tf.TensorInfo;
    temporaries.push(turned);
    return turned;
  };
  const a = plain(inputs['a'] as tf.TensorInfo, attrs?.['transposeA']);
  const b = plain(inputs['b'] as tf.TensorInfo, attrs?.['transposeB']);
  const out = matMul({ inputs: { a, b }, backend, attrs: { transposeA: false, transposeB: false } });
  for (const temporary of temporaries) wasm.disposeData(temporary.dataId);
  return out;
}

function kernelOf(name: string): Kernel {
  const config = tf.getKernel(name, 'wasm');
  if (!config) throw new Error(`the wasm backend of TensorFlow.js has no kernel ${name}`);
  return config.kernelFunc;
}
