import { AppError } from '../../../shared/errors.js';

/** One row of an input file. */
export interface SourceRow {
  /** JSON values by column; undefined and null where the file has none. */
  values: Record<string, unknown>;
  /** The row's own text, where it is one JSON object. */
  json?: string;
  /** Why the row has no columns; `values` is empty then. */
  unreadable?: string;
}

/** Rows that were read together. */
export interface SourcePage {
  rows: readonly SourceRow[];
  /** Share of the file that is read once these rows are, 0..1. */
  share: number;
}

/** An input file that has been looked into. */
export interface Source {
  /** Columns by name, in the order of the file; of a file of JSON rows, those that its first rows have. */
  columns: readonly string[];
  /** Every row from `fromRow` on, in order; a second call reads the file again. Throws {@link InputFileError}. */
  pages(fromRow: number): AsyncGenerator<SourcePage, void, undefined>;
}

/** An input file cannot be read as what it should be. */
export class InputFileError extends AppError {
  override name = 'InputFileError';
  readonly code = 'input_file_invalid';
  constructor(file: string, problem: string, options?: ErrorOptions) {
    super(`${file}: ${problem}`, options);
  }
}

/** Leaves the first `count` rows of some pages away. */
export async function* withoutFirst(
  pages: AsyncIterable<SourcePage>,
  count: number,
): AsyncGenerator<SourcePage, void, undefined> {
  let left = count;
  for await (const page of pages) {
    const skipped = Math.min(left, page.rows.length);
    left -= skipped;
    yield skipped === 0 ? page : { ...page, rows: page.rows.slice(skipped) };
  }
}
