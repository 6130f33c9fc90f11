import { isRecord } from '../../shared/text/is-record.js';

/** The value that a row's result is compared with; undefined where the row has none. */
export type ActualReader = (values: Record<string, unknown>) => number | undefined;

/** Sums over the compared rows, in the unit of the output and its square. */
export interface AccuracyState {
  rows: number;
  squared: number;
  absolute: number;
}

/** Errors of results over rows that come one by one. */
export class Accuracy {
  readonly #sums: AccuracyState;

  constructor(state: AccuracyState = { rows: 0, squared: 0, absolute: 0 }) {
    this.#sums = { ...state };
  }

  add(predicted: unknown, actual: number): void {
    if (typeof predicted !== 'number' || Number.isNaN(actual)) return;
    const error = predicted - actual;
    this.#sums.rows += 1;
    this.#sums.squared += error * error;
    this.#sums.absolute += Math.abs(error);
  }

  /** Undefined when no row could be compared. */
  get figures(): { rows: number; rmse: number; mae: number } | undefined {
    const { rows, squared, absolute } = this.#sums;
    return rows === 0 ? undefined : { rows, rmse: Math.sqrt(squared / rows), mae: absolute / rows };
  }

  /** A copy. */
  get state(): AccuracyState {
    return { ...this.#sums };
  }
}

/** Reads a column of numbers. */
export const columnReader =
  (column: string): ActualReader =>
  (values) => {
    const value = values[column];
    return value === undefined || value === null || value === '' ? undefined : Number(value);
  };

/** Whether a value read from a file is an {@link AccuracyState}. */
export const isAccuracyState = (value: unknown): value is AccuracyState =>
  isRecord(value) && ['rows', 'squared', 'absolute'].every((name) => typeof value[name] === 'number');
