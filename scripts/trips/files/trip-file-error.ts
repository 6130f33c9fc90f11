import { AppError } from '../../../shared/errors.js';

/** A file cannot be read as trips, or holds none that a model can learn from. */
export class TripFileError extends AppError {
  override name = 'TripFileError';
  readonly code = 'trip_file_invalid';
  constructor(file: string, problem: string, options?: ErrorOptions) {
    super(`${file}: ${problem}`, options);
  }
}
