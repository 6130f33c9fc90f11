import { AppError } from '../../shared/errors.js';
import type { EngineName } from './engine-names.js';

/** The model threw on this micro-batch; the process lives and takes the next one. */
export class ModelThrewError extends AppError {
  readonly code = 'model_threw';
}

/** Ways in which an inference process is lost. */
const LOSSES = { crashed: 'crashed', killed: 'was killed', ended: 'has ended' } as const;
export type InferenceLoss = keyof typeof LOSSES;

/** The inference process went away before it answered. */
export class InferenceLostError extends AppError {
  readonly code = 'inference_lost';
  constructor(
    readonly loss: InferenceLoss,
    detail: string,
  ) {
    super(`the inference process ${LOSSES[loss]} (${detail})`);
  }
}

/** An engine cannot be used here. The message says why and what to do. */
export class EngineUnavailableError extends AppError {
  readonly code = 'engine_unavailable';
  constructor(
    readonly engine: EngineName,
    readonly why: string,
    advice: string,
  ) {
    super(`the engine "${engine}" cannot run here: ${why}\n  ${advice}`);
  }
}
