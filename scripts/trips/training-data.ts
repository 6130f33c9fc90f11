import { basename } from 'node:path';
import type { Evaluation } from './evaluation.js';
import { readTrips } from './files/read-trips.js';
import { selectTrips, type Trips } from './trips.js';

/** Options of a training run of any kind of model. */
export interface TrainingRequest {
  /** Name of the model, also its folder's. */
  name: string;
  /** Version that the package will carry. */
  version: string;
  trainFiles: readonly string[];
  /** None: the last fifth of the training trips, by pickup time, is kept back instead. */
  validateFiles: readonly string[];
  /** Folder the package is written to. */
  folder: string;
}

/** Further options of training a network. */
export interface NeuralTrainingRequest extends TrainingRequest {
  /** Most passes over the training trips; training stops earlier when it no longer gets better. */
  epochs: number;
  /** The same seed on the same files gives the same model. */
  seed: number;
}

/** Result of a training run. */
export interface TrainingResult {
  /** The figures in the package's manifest. */
  figures: Record<string, unknown>;
  evaluation: Evaluation;
}

const VALIDATION_SHARE = 0.2;

/** Files by their own names, for texts that travel to other machines. */
const baseNames = (files: readonly string[]): string[] => files.map((file) => basename(file));

/** Trips of a training run. */
export interface TrainingData {
  trips: Trips;
  /** Trips that take no part in training. */
  validation: Trips;
  /** Where both come from, in words. */
  trainedOn: string[];
  validatedOn: string[];
}

/** Reads the files of a training run; with none to validate on, later trips are kept back from the earlier ones. */
export async function readTrainingData({
  trainFiles,
  validateFiles,
}: TrainingRequest): Promise<TrainingData> {
  const all = await readTrips(trainFiles);
  if (validateFiles.length > 0) {
    const validation = await readTrips(validateFiles);
    return {
      trips: all,
      validation,
      trainedOn: baseNames(trainFiles),
      validatedOn: baseNames(validateFiles),
    };
  }
  const byTime = Int32Array.from(all.pickupLocalMs.keys()).toSorted(
    (a, b) => all.pickupLocalMs[a]! - all.pickupLocalMs[b]! || a - b,
  );
  const end = Math.floor(all.length * (1 - VALIDATION_SHARE));
  return {
    trips: selectTrips(all, byTime.subarray(0, end)),
    validation: selectTrips(all, byTime.subarray(end)),
    trainedOn: baseNames(trainFiles).map((file) => `${file} (first four fifths by time)`),
    validatedOn: baseNames(trainFiles).map((file) => `${file} (last fifth by time)`),
  };
}
