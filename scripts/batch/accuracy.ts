import { isRecord } from '../../shared/text/is-record.js';
import type { PageValues } from './input/source.js';

/** Reads the values that results are compared with; a row has none where it is undefined. */
export interface ActualReader {
  (values: Pick<PageValues, 'column'>): (row: number) => number | undefined;
  /** The columns that it reads. */
  columns: readonly string[];
}

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
export const columnReader = (name: string): ActualReader =>
  Object.assign(
    ({ column }: Pick<PageValues, 'column'>) => {
      const read = column(name);
      return (row: number): number | undefined => {
        const value = read(row);
        return value === undefined || value === null || value === '' ? undefined : Number(value);
      };
    },
    { columns: [name] },
  );

/** Whether a value read from a file is an {@link AccuracyState}. */
export const isAccuracyState = (value: unknown): value is AccuracyState =>
  isRecord(value) && ['rows', 'squared', 'absolute'].every((name) => typeof value[name] === 'number');
