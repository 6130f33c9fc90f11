import tf = require('@tensorflow/tfjs-core');
import tfl = require('@tensorflow/tfjs-layers');
import { clip, connect, frozenDense, type Node } from '../frozen-layers.js';
import type { Random } from '../../lib/random.js';

const HIDDEN_UNITS = [128, 64];
/** Softplus of it is 0.17: a network that has learnt nothing yet predicts trips of ordinary speed. */
const FIRST_COEFFICIENT = -1.7;

/** Miles at which the predicted speed may change; the last one is where the prediction stays flat. */
const KNOTS_MILES = [0, 0.3, 0.6, 1, 1.5, 2, 2.5, 3, 4, 5, 6.5, 8, 10, 13, 16, 20, 25, 32, 40];

/** Distances up to a millionth of a mile count as not recorded; trip files have hundredths. */
const RECORDED_FROM_MILES = 1e-6;

/** Largest value of each number of the basis: divided by it, coefficients are of the order of 1. */
const BASIS_MAXIMUM = 10;

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

/**
 * A distance as numbers between 0 and {@link BASIS_MAXIMUM}, each a clipped line a + b x miles: a constant, one
 * that stands for "not recorded" (distance 0), and one for every stretch between two knots, which rises over its
 * stretch and stays. A sum of them with coefficients above 0 can therefore never fall as a distance grows.
 */
function distanceBasis(): { slopes: number[]; offsets: number[] } {
  const slopes = [0, -BASIS_MAXIMUM / RECORDED_FROM_MILES];
  const offsets = [BASIS_MAXIMUM, BASIS_MAXIMUM];
  KNOTS_MILES.slice(1).forEach((end, index) => {
    const start = KNOTS_MILES[index]!;
    slopes.push(BASIS_MAXIMUM / (end - start));
    offsets.push((-start * BASIS_MAXIMUM) / (end - start));
  });
  return { slopes, offsets };
}
