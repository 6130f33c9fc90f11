import { createExamples, type Examples } from './examples.js';
import { fitLookups, type Lookups } from './lookups.js';
import type { Random } from '../../lib/random.js';
import { selectTrips, type Trips } from '../trips.js';

/** Share of the training trips that no step sees and by which the best epoch is chosen. */
const HOLDOUT_SHARE = 0.1;
const FOLDS = 10;

/** Training data, divided. */
export interface TrainingRows {
  examples: Examples;
  holdout: Examples;
}

/**
 * Divides trips into those to learn from and those to choose the best epoch by, at random.
 *
 * Look-ups of the first are out of fold: a row sees tables that rest on the other nine tenths only. With tables
 * that know the row's own duration the network trusts them too much, and half of their gain is lost.
 */
export function divideTrips(trips: Trips, random: Random): TrainingRows {
  const order = random.permutation(trips.length);
  const holdoutRows = Math.floor(trips.length * HOLDOUT_SHARE);
  const holdout = selectTrips(trips, order.subarray(0, holdoutRows));
  const learning = selectTrips(trips, order.subarray(holdoutRows));
  const lookups = fitLookups(learning, rowsOf(learning));
  return { examples: outOfFold(learning, random), holdout: createExamples(holdout, () => lookups) };
}

function outOfFold(trips: Trips, random: Random): Examples {
  const foldOf = random.permutation(trips.length).map((position) => position % FOLDS);
  const rows = rowsOf(trips);
  const tables: Lookups[] = [];
  for (let fold = 0; fold < FOLDS; fold++) {
    const others = rows.filter((row) => foldOf[row] !== fold);
    tables.push(fitLookups(trips, others));
  }
  return createExamples(trips, (row) => tables[foldOf[row]!]!);
}

/** 0..length-1. */
export const rowsOf = (trips: Trips): Int32Array =>
  Int32Array.from({ length: trips.length }, (_, row) => row);
