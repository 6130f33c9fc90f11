import type { Prediction } from './child/model-runtime.js';
import type { EngineChoice, EngineName, EngineReport, PassedOver } from './engine-names.js';
import type { ModelFiles } from './parent/model-files.js';

// Messages travel as frames on one socket, which the inference process inherits under this number. Its end tells each
// side that the other one is gone.
export const SOCKET_FD = 3;

/** The first message to an inference process: the model to load and the engine to run it on. */
export interface StartRequest {
  files: ModelFiles;
  engine: EngineChoice;
  /** Engines known not to work here, such as one that crashed an earlier process. */
  passedOver: readonly PassedOver[];
  gpuMemoryMb?: number | undefined;
  /** Rows of a full micro-batch. */
  maxBatch: number;
}

/**
 * From the worker to its inference process. The array of `start` is the weights; those of `predict` are the columns of a
 * micro-batch, which is answered under its number.
 */
export type ToInference =
  | { type: 'start'; request: Omit<StartRequest, 'files'> & { files: Omit<ModelFiles, 'weights'> } }
  | { type: 'predict'; id: number; rows: number };

/** From the inference process to its worker. The arrays of `predicted` are the outputs. */
export type FromInference =
  | { type: 'trying'; engine: EngineName }
  | { type: 'ready'; report: EngineReport }
  | { type: 'failed'; message: string }
  | ({ type: 'predicted'; id: number } & Omit<Prediction, 'outputs'>)
  | { type: 'threw'; id: number; message: string };
