import type { Manifest } from '../../shared/model/manifest.js';
import { loadModelRuntime, type ModelRuntime } from '../../worker/inference/child/model-runtime.js';
import { readTrips } from './files/read-trips.js';
import { type Errors, errorsOf, roundFigure } from './metrics.js';
import { predictTrips } from './predict-trips.js';
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
export async function evaluate(model: ModelRuntime, trips: Trips): Promise<Evaluation> {
  const ask = async (withTime: boolean): Promise<Predictions> => {
    const minutes = await predictTrips(model, trips, withTime);
    return { minutes, errors: errorsOf(minutes, trips.durationMinutes) };
  };
  const withoutTime = await ask(false);
  const withTime = takesTime(model.manifest) ? await ask(true) : withoutTime;
  return { rows: trips.length, withoutTime, withTime };
}

/** True where a model's answer can depend on the pickup time. */
export const takesTime = (manifest: Manifest): boolean =>
  manifest.columns.some((column) => column.member === 'pickup_datetime');

/** An evaluation as a manifest's figures and `--json` show it. `files` says what was predicted. */
export function figuresOf({ rows, withoutTime, withTime }: Evaluation, files: readonly string[]) {
  return {
    files,
    rows,
    without_time: roundErrors(withoutTime.errors),
    with_time: roundErrors(withTime.errors),
  };
}

const roundErrors = ({ rmse, mae }: Errors) => ({ rmse: roundFigure(rmse), mae: roundFigure(mae) });

/** Loads the package in `folder` on the wasm engine and asks it for every trip in `files`. */
export async function evaluateModel(
  folder: string,
  files: readonly string[],
): Promise<{ manifest: Manifest; evaluation: Evaluation }> {
  const trips = await readTrips(files);
  const model = await loadModelRuntime(folder, 'wasm');
  return { manifest: model.manifest, evaluation: await evaluate(model, trips) };
}
