import type { ModelBody } from '../../shared/contract/model.js';
import { parseLocalTime } from '../trips/files/local-time.js';
import { findTripColumns } from '../trips/files/trip-columns.js';
import { DURATION_RANGE_MINUTES, durationMinutes } from '../trips/trips.js';
import { BatchCommandError } from './batch-error.js';
import type { PageValues } from './input/source.js';

/** Reads the values that results are compared with; a row has none where it is undefined. */
export type ActualReader = (values: Pick<PageValues, 'column'>) => (row: number) => number | undefined;

/** The values that results are compared with. */
export interface Comparison {
  /** Which output of the model. */
  output: string;
  /** Empty where the output has none. */
  unit: string;
  /** Name of these values, for people. */
  actual: string;
  /** The columns that `actualOf` reads. */
  columns: readonly string[];
  actualOf: ActualReader;
}

/**
 * The column that `--actual` names, else the recorded times of trip files where the model answers in minutes;
 * undefined when there is neither. Throws {@link BatchCommandError} for a column that is not there.
 */
export function comparisonFor(
  { outputs }: Pick<ModelBody, 'outputs'>,
  columns: readonly string[],
  actual: string | undefined,
): Comparison | undefined {
  const [first] = outputs;
  if (!first) return undefined;
  const { member: output, unit = '' } = first;
  if (actual !== undefined) {
    if (columns.includes(actual)) {
      return { output, unit, actual, columns: [actual], actualOf: columnReader(actual) };
    }
    throw new BatchCommandError(
      `--actual ${actual}: the file has no such column; it has ${columns.join(', ')}`,
    );
  }
  const trip = unit === 'minutes' ? findTripColumns(columns) : undefined;
  if (!trip) return undefined;
  const { pickup, dropoff } = trip;
  const { minimum, maximum } = DURATION_RANGE_MINUTES;
  return {
    output,
    unit,
    actual: `${dropoff} - ${pickup}, ${minimum} to ${maximum} minutes`,
    columns: [pickup, dropoff],
    actualOf({ column }) {
      const [from, to] = [column(pickup), column(dropoff)];
      return (row) => durationMinutes(parseLocalTime(from(row)), parseLocalTime(to(row)));
    },
  };
}

/** Reads a column of numbers. */
export const columnReader =
  (name: string): ActualReader =>
  ({ column }) => {
    const read = column(name);
    return (row) => {
      const value = read(row);
      return value === undefined || value === null || value === '' ? undefined : Number(value);
    };
  };
