import type { BatchRow, BatchRowError } from '../../../shared/client/batch.js';
import type { SourceRow } from '../input/source.js';

/** How the rows of an output file are written: what the input had, then what became of it. */
export interface OutputFormat {
  /** The first line, if any. */
  head(hasErrorColumn: boolean): string;
  /** Columns of rows so far that the output has no place for. */
  readonly leftOut: ReadonlySet<string>;
  /** What the input had, to stand before what became of it. */
  carry(row: SourceRow): string;
  /** The line of a row with results. */
  succeeded(carried: string, result: BatchRow, hasErrorColumn: boolean): string;
  /** The line of a row without; the file has an error column. */
  failed(carried: string, error: BatchRowError): string;
}

/** The columns of an output file. */
export interface OutputColumns {
  /** Of the input file. */
  input: readonly string[];
  /** Of the model. */
  outputs: readonly string[];
}

/** The last column, where a row failed. */
export const ERROR_COLUMN = 'error';

/** An input column that would be taken for one of ours gets another name: ours are always called the same. */
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

/** An error in words, for a cell or a summary. */
export const errorText = ({ code, message, errors }: BatchRowError): string =>
  `${code}: ${errors?.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ') ?? message}`;
