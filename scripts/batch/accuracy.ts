/** Sums of errors over the rows that could be compared, in the unit of the output and its square. */
export interface Accuracy {
  rows: number;
  squared: number;
  absolute: number;
}

/** Adds a row, unless it has no result or nothing to compare it with. */
export function addError(sums: Accuracy, predicted: unknown, actual: number): void {
  if (typeof predicted !== 'number' || Number.isNaN(actual)) return;
  const error = predicted - actual;
  sums.rows += 1;
  sums.squared += error * error;
  sums.absolute += Math.abs(error);
}

/** Root mean square and mean of the errors; undefined when no row could be compared. */
export function errorFigures({ rows, squared, absolute }: Accuracy) {
  return rows === 0 ? undefined : { rows, rmse: Math.sqrt(squared / rows), mae: absolute / rows };
}
