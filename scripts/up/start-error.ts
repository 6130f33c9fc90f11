import { AppError } from '../../shared/errors.js';

/** Something cannot be started. The message says what to do; it is shown without a stack. */
export class StartError extends AppError {
  readonly code = 'cannot_start';
}
