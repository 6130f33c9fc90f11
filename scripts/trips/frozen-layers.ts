// Required, not imported, for the reason that worker/inference/child/tensorflow.ts gives: commands start sooner.
import tf = require('@tensorflow/tfjs-core');
import tfl = require('@tensorflow/tfjs-layers');
import { LAST_ZONE, ZONE_ROWS } from './zones.js';

/** One tensor within a network, before it has numbers. */
export type Node = tfl.SymbolicTensor;

/** Puts a layer behind one node, or behind several that it joins. */
export const connect = (layer: { apply(input: Node | Node[]): unknown }, input: Node | Node[]): Node =>
  layer.apply(input) as Node;

/** A Dense layer with given weights, which training leaves as they are. `kernel` is [inputs][units]. */
export function frozenDense(name: string, kernel: number[][], bias?: number[]) {
  const weights: tf.Tensor[] = [tf.tensor2d(kernel)];
  if (bias) weights.push(tf.tensor1d(bias));
  const units = kernel[0]!.length;
  const useBias = bias !== undefined;
  return tfl.layers.dense({ name, units, useBias, weights, trainable: false, kernelInitializer: 'zeros' });
}

/** A table of `width` numbers a row that training leaves as it is. `values` holds row after row. */
export function frozenTable(name: string, width: number, values: Float32Array) {
  const rows = values.length / width;
  const weights = [tf.tensor2d(values, [rows, width])];
  return tfl.layers.embedding({
    name,
    inputDim: rows,
    outputDim: width,
    weights,
    trainable: false,
    // Loading a model first makes every weight by its initializer: zeros cost nothing.
    embeddingsInitializer: 'zeros',
  });
}

/** Keeps numbers between 0 and `maxValue`. */
export const clip = (name: string, maxValue: number) => tfl.layers.reLU({ name, maxValue });

/** Zone ids [rows, 2], with everything outside 1..265 at a row of its own, so that no look-up can miss. */
export const knownZones = (zones: Node): Node => connect(clip('known_zones', LAST_ZONE + 1), zones);

/** Position in a table by pair, [rows, 1], of zone ids [rows, 2]. Exact: ids and weights need 9 bits each. */
export const pairPosition = (zones: Node): Node => connect(frozenDense('pair', [[ZONE_ROWS], [1]]), zones);
