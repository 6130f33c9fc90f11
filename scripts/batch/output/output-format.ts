import type { BatchRow, BatchRowError } from '../../../shared/contract/batch.js';
import type { Source, SourcePage } from '../input/source.js';

/** Takes the outcome of a row of a page; `error` where it has no result. */
export type OutcomeTaker<T> = (row: number, outcome: BatchRow, error: BatchRowError | undefined) => T;

/** A format of output files that is text: a line for each row, with the values of the input, then the outcome. */
export interface TextFormat {
  /** The first line; empty where the format has none. */
  readonly head: string;
  /** Writes the lines of the rows of a page. */
  lines(page: SourcePage): OutcomeTaker<string>;
  /** Columns of rows so far that the output has no place for. */
  readonly leftOut: ReadonlySet<string>;
}

/** The columns of an output file. */
export interface OutputColumns {
  /** The input file. */
  source: Pick<Source, 'columns' | 'kinds' | 'textFormat' | 'parquet'>;
  /** Of the model. */
  outputs: readonly string[];
}

/** The last column: why a row failed. */
export const ERROR_COLUMN = 'error';

/** Renames input columns that have the name of an output or of the error column, which keep their names. */
export function carriedNames({
  source: { columns: input },
  outputs,
}: OutputColumns): ReadonlyMap<string, string> {
  const taken = new Set([...outputs, ERROR_COLUMN]);
  const names = new Map<string, string>();
  for (const column of input) {
    let name = column;
    while (taken.has(name) || (name !== column && input.includes(name))) name = `input_${name}`;
    names.set(column, name);
  }
  return names;
}
