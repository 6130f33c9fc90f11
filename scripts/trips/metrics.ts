/** Errors of predictions, in minutes. */
export interface Errors {
  /** Root of the mean squared error. */
  rmse: number;
  /** Mean absolute error. */
  mae: number;
  /** Mean of predicted minus actual: negative where trips took longer than predicted. */
  bias: number;
}

/** Errors over all rows. Both arrays hold minutes, in the same order. */
export function errorsOf(predicted: ArrayLike<number>, actual: ArrayLike<number>): Errors {
  let squared = 0;
  let absolute = 0;
  let signed = 0;
  for (let row = 0; row < actual.length; row++) {
    const error = predicted[row]! - actual[row]!;
    squared += error * error;
    absolute += Math.abs(error);
    signed += error;
  }
  const rows = actual.length;
  return { rmse: Math.sqrt(squared / rows), mae: absolute / rows, bias: signed / rows };
}

/** Rounded for a manifest or a table: a ten-thousandth of a minute is more than any figure here is worth. */
export const roundFigure = (value: number): number => Math.round(value * 1e4) / 1e4;

/** An evaluation as a small table for a terminal. */
export function figureLines({
  rows,
  withoutTime,
  withTime,
}: { rows: number } & Record<'withoutTime' | 'withTime', { errors: Errors }>): string[] {
  const line = (name: string, { rmse, mae, bias }: Errors): string =>
    name.padEnd(24) + [rmse, mae, bias].map((value) => value.toFixed(4).padStart(10)).join('');
  return [
    `${`${rows.toLocaleString('en-US')} trips, minutes`.padEnd(24)}${['RMSE', 'MAE', 'bias'].map((name) => name.padStart(10)).join('')}`,
    line('pickup time not given', withoutTime.errors),
    line('pickup time given', withTime.errors),
  ];
}
