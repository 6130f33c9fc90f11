import type { ModelBody } from '../../shared/contract/model.js';
import { type ActualMinutes, actualMinutes } from '../trips/actual-minutes.js';
import { type ActualReader, columnReader } from './accuracy.js';
import { BatchCommandError } from './batch-error.js';
import type { PageValues } from './input/source.js';

/** The values that results are compared with. */
export interface Comparison {
  /** Which output of the model. */
  output: string;
  /** Empty where the output has none. */
  unit: string;
  /** Name of these values, for people. */
  actual: string;
  actualOf: ActualReader;
}

/**
 * The column that `--actual` names, else the recorded times of trip files where the model answers in minutes;
 * undefined when there is neither. Throws {@link BatchCommandError} for a column that is not there.
 */
export function comparisonFor(
  { outputs }: Pick<ModelBody, 'outputs'>,
  columns: readonly string[],
  actualColumn: string | undefined,
): Comparison | undefined {
  const [first] = outputs;
  if (!first) return undefined;
  const { member: output, unit = '' } = first;
  if (actualColumn !== undefined) {
    if (columns.includes(actualColumn)) {
      return { output, unit, actual: actualColumn, actualOf: columnReader(actualColumn) };
    }
    throw new BatchCommandError(
      `--actual ${actualColumn}: the file has no such column; it has ${columns.join(', ')}`,
    );
  }
  const trips = unit === 'minutes' ? actualMinutes(columns) : undefined;
  return trips && { output, unit, actual: trips.description, actualOf: minutesReader(trips) };
}

const minutesReader = ({ pickup, dropoff, minutesOf }: ActualMinutes): ActualReader =>
  Object.assign(
    ({ column }: Pick<PageValues, 'column'>) => {
      const [from, to] = [column(pickup), column(dropoff)];
      return (row: number) => minutesOf(from(row), to(row));
    },
    { columns: [pickup, dropoff] },
  );
