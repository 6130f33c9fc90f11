import type { Evaluation } from './evaluation.js';

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
