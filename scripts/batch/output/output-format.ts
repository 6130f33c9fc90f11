import type { BatchRow, BatchRowError } from '../../../shared/contract/batch.js';
import type { Source, SourcePage } from '../input/source.js';

/** Takes the outcome of a row of a page; `error` where it has no result. */
export type OutcomeTaker<T> = (row: number, outcome: BatchRow, error: BatchRowError | undefined) => T;

/** Rows with their outcomes, on their way into a file. */
export interface Output {
  /** The outcomes of rows of a page, in order, come next. */
  rowsOf(page: SourcePage): OutcomeTaker<void>;
  /** Writes what has come together, when it is enough. Is called between two pages, and now and then within one. */
  flush(): Promise<void>;
  /** Whether the file may be left here and gone on with later: it has every row that came, or can have. */
  readonly isWhole: boolean;
  /** Puts all rows so far on disk, and resolves to the length of the file, from which it can be gone on with. */
  commit(): Promise<number>;
  /** All rows have come. */
  finish(): Promise<void>;
  /** What the output has no place for, in words for a person. */
  notes(): string[];
}

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
