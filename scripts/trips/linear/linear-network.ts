import tfl = require('@tensorflow/tfjs-layers');
import { connect, frozenDense, frozenTable, knownZones, pairPosition } from '../frozen-layers.js';
import { DURATION_TENSOR } from '../trip-package.js';
import type { LinearModel } from './linear-regression.js';
import { PAIR_ROWS } from '../zones.js';

/**
 * A linear model as a network of stock layers on raw columns: `zones` [rows, 2] (origin, destination) and
 * `trip_distance` [rows, 1] in miles.
 */
export function buildLinearNetwork(linear: LinearModel): tfl.LayersModel {
  const table = new Float32Array(PAIR_ROWS).fill(linear.defaultIntercept);
  for (const [pair, intercept] of linear.intercepts) table[pair] = intercept;
  const zones = tfl.input({ shape: [2], name: 'zones' });
  const distance = tfl.input({ shape: [1], name: 'trip_distance' });
  const position = pairPosition(knownZones(zones));
  const looked = connect(frozenTable('pair_intercept', 1, table), position);
  const intercept = connect(tfl.layers.flatten({ name: 'intercept' }), looked);
  const travel = connect(frozenDense('minutes_by_distance', [[linear.slope]]), distance);
  const duration = connect(tfl.layers.add({ name: DURATION_TENSOR }), [intercept, travel]);
  return tfl.model({ name: 'trip_duration_linear', inputs: [zones, distance], outputs: duration });
}
