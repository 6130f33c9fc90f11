import tf = require('@tensorflow/tfjs-core');
import tfl = require('@tensorflow/tfjs-layers');
import { BASIS_MAXIMUM, distanceBasis } from './distance-basis.js';
import { clip, connect, frozenDense, type Node } from '../frozen-layers.js';
import type { Random } from '../../lib/random.js';

const HIDDEN_UNITS = [128, 64];
/** Softplus of it is 0.17: a network that has learnt nothing yet predicts trips of ordinary speed. */
const FIRST_COEFFICIENT = -1.7;

/**
 * The part of the network that is trained on top of the tables: two hidden layers turn `features` (zones, pair and
 * time, never the distance) into coefficients, and the minutes beyond the first are their sum over the distance's
 * basis. Softplus keeps every coefficient above 0, so a longer distance never lowers the answer.
 */
export function createHead(random: Random, featureWidth: number): (features: Node, distance: Node) => Node {
  const { slopes, offsets } = distanceBasis();
  let width = featureWidth;
  const hidden = HIDDEN_UNITS.map((units, index) => {
    const weights = [normals(random, [width, units], Math.sqrt(2 / width)), tf.zeros([units])];
    width = units;
    return tfl.layers.dense({ name: `hidden_${index + 1}`, units, activation: 'relu', weights });
  });
  const coefficients = tfl.layers.dense({
    name: 'coefficients',
    units: slopes.length,
    activation: 'softplus',
    weights: [
      normals(random, [width, slopes.length], 0.02),
      tf.tensor1d(slopes.map(() => FIRST_COEFFICIENT)),
    ],
  });
  const basis = frozenDense('distance_lines', [slopes], offsets);
  const clipped = clip('distance_basis', BASIS_MAXIMUM);
  const sum = tfl.layers.dot({ name: 'minutes_beyond_first', axes: 1 });
  return (features, distance) => {
    const weights = hidden.reduce((node, layer) => connect(layer, node), features);
    return connect(sum, [connect(coefficients, weights), connect(clipped, connect(basis, distance))]);
  };
}

/** Normal random numbers as a tensor. */
export const normals = (random: Random, shape: [number, number], deviation: number): tf.Tensor2D =>
  tf.tensor2d(
    Float32Array.from({ length: shape[0] * shape[1] }, () => random.normal() * deviation),
    shape,
  );
