import { basename } from 'node:path';
import type { Manifest } from '../../shared/model/manifest.js';
import { type Errors, errorsOf, roundFigure } from './metrics.js';
import { predictTrips, type TripModel } from './predict-trips.js';
import type { Trips } from './trips.js';

/** Predicted minutes, row by row, and how far they are off. */
export interface Predictions {
  minutes: Float32Array;
  errors: Errors;
}

/** A model asked for every trip, with the pickup time left away and given. */
export interface Evaluation {
  rows: number;
  withoutTime: Predictions;
  withTime: Predictions;
}

/** Asks a model for every trip, twice; once is enough where it has no use for the time. */
export async function evaluate(model: TripModel, trips: Trips): Promise<Evaluation> {
  const ask = async (withTime: boolean): Promise<Predictions> => {
    const minutes = await predictTrips(model, trips, withTime);
    return { minutes, errors: errorsOf(minutes, trips.durationMinutes) };
  };
  const withoutTime = await ask(false);
  return {
    rows: trips.length,
    withoutTime,
    withTime: takesTime(model.manifest) ? await ask(true) : withoutTime,
  };
}

/** True where the model's answer depends on the pickup time. */
export const takesTime = (manifest: Manifest): boolean =>
  manifest.columns.some((column) => column.encoding === 'minute_of_week');

/** An evaluation as a manifest's figures and `--json` show it. */
export function figuresOf(evaluation: Evaluation, files: readonly string[]) {
  return {
    files: files.map((file) => basename(file)),
    rows: evaluation.rows,
    without_time: roundErrors(evaluation.withoutTime.errors),
    with_time: roundErrors(evaluation.withTime.errors),
  };
}

const roundErrors = ({ rmse, mae }: Errors) => ({ rmse: roundFigure(rmse), mae: roundFigure(mae) });
