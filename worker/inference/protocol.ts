import type { Columns } from '../../shared/model/columns.js';
import type { Prediction } from './child/model-runtime.js';
import type { EngineChoice, EngineName, EngineReport, PassedOver } from './engine-names.js';
import type { ModelFiles } from './parent/model-files.js';

/** The first message to an inference process: the model to load and the engine to run it on. */
export interface StartRequest {
  files: ModelFiles;
  engine: EngineChoice;
  passedOver: readonly PassedOver[];
  gpuMemoryMb: number | undefined;
}

/** One micro-batch to be answered under its number. */
export interface PredictRequest {
  id: number;
  columns: Columns;
}

/** From the worker to its inference process. Sent with structured clone, so arrays stay typed. */
export type ToInference = { type: 'start'; request: StartRequest } | ({ type: 'predict' } & PredictRequest);

/** From the inference process to its worker. */
export type FromInference =
  | { type: 'trying'; engine: EngineName }
  | { type: 'ready'; report: EngineReport }
  | { type: 'failed'; message: string }
  | { type: 'predicted'; id: number; prediction: Prediction }
  | { type: 'threw'; id: number; message: string };
