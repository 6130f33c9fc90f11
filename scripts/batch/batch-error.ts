import { AppError } from '../../shared/errors.js';

/** The command cannot be run with these files and options. */
export class BatchCommandError extends AppError {
  readonly code = 'batch_options_invalid';
}

/** A signal came before the end. */
export class InterruptedError extends AppError {
  readonly code = 'interrupted';
  constructor(readonly signal: NodeJS.Signals) {
    super(`stopped by ${signal}`);
  }
}
