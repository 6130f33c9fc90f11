import type { BatchRow, BatchRowError } from '../../../shared/contract/batch.js';
import type { SourceRow } from '../input/source.js';

/** A format of output files: the values of the input, then the outcome. */
export interface OutputFormat {
  /** The first line; empty where the format has none. */
  readonly head: string;
  /** Columns of rows so far that the output has no place for. */
  readonly leftOut: ReadonlySet<string>;
  /** The values of an input row, as text that stands before its outcome. */
  carry(row: SourceRow): string;
  /** The line of a row that succeeded. */
  succeeded(carried: string, result: BatchRow): string;
  /** The line of a row that failed. */
  failed(carried: string, error: BatchRowError): string;
}

/** The columns of an output file. */
export interface OutputColumns {
  /** Of the input file. */
  input: readonly string[];
  /** Of the model. */
  outputs: readonly string[];
}

/** The last column: why a row failed. */
export const ERROR_COLUMN = 'error';

/** Renames input columns that have the name of an output or of the error column, which keep their names. */
export function carriedNames({ input, outputs }: OutputColumns): ReadonlyMap<string, string> {
  const taken = new Set([...outputs, ERROR_COLUMN]);
  const names = new Map<string, string>();
  for (const column of input) {
    let name = column;
    while (taken.has(name) || (name !== column && input.includes(name))) name = `input_${name}`;
    names.set(column, name);
  }
  return names;
}
