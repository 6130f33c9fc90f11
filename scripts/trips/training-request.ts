import type { Evaluation } from './evaluation.js';

/** What a training run is told, whatever kind of model it trains. */
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

/** What training a network is told beyond that. */
export interface NeuralTrainingRequest extends TrainingRequest {
  /** Most passes over the training trips; training stops earlier when it no longer gets better. */
  epochs: number;
  /** The same seed on the same files gives the same model. */
  seed: number;
}

/** What a training run has made. */
export interface TrainingResult {
  /** The figures in the package's manifest. */
  figures: Record<string, unknown>;
  evaluation: Evaluation;
}
