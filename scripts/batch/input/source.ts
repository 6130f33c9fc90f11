import type { AsyncBuffer, FileMetaData } from 'hyparquet';
import { AppError } from '../../../shared/errors.js';
import type { RowTexts } from '../row-texts.js';

/** The JSON value of a row in one column; undefined, null or an empty text where the row has none. */
export type Column = (row: number) => unknown;

/** The values of a page. They are decoded for whoever asks, and go with him: parts that wait hold pages, not values. */
export interface PageValues {
  column: (name: string) => Column;
  /** The rows as objects, where the file has rows of JSON: each may have members of its own. */
  objects?: readonly Readonly<Record<string, unknown>>[];
  /** Why rows are not as they should be, by row. */
  unreadable: ReadonlyMap<number, string>;
}

/** Rows that were read together, counted from 0. */
export interface SourcePage {
  /** Place of its first row in the file. */
  firstRow: number;
  length: number;
  /** Share of the file that is read once these rows are, 0..1; 0 while nobody knows. */
  share: number;
  /** Each row as the file has it, where that is a text of its own: {@link Source.textFormat} says which. */
  texts?: RowTexts;
  values(): PageValues;
}

/** The values of a column, as far as a look at the first rows shows. */
export type ColumnKind = 'number' | 'boolean' | 'text';

/** A Parquet file that is open for reading. */
export interface ParquetFile {
  path: string;
  file: AsyncBuffer;
  metadata: FileMetaData;
}

/** An input file that has been looked into. */
export interface Source {
  /** Columns by name, in the order of the file; of a file of JSON rows, those that its first rows have. */
  columns: readonly string[];
  /** Of columns without a type of their own. */
  kinds: ReadonlyMap<string, ColumnKind>;
  /** The format of the texts of its rows. */
  textFormat?: 'csv' | 'ndjson';
  /** The file, where it is Parquet. */
  parquet?: ParquetFile;
  /**
   * The pages that hold `fromRow` and all rows after it, in order; those before may come, too. `wanted` names the
   * columns that are needed. A second call reads the file again. Throws {@link InputFileError}.
   */
  pages(fromRow: number, wanted?: ReadonlySet<string>): AsyncGenerator<SourcePage, void, undefined>;
}

/** An input file cannot be read as what it should be. */
export class InputFileError extends AppError {
  readonly code = 'input_file_invalid';
  constructor(
    file: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(`${file}: ${problem}`, options);
  }
}

/** The values of a page whose rows are objects. */
export const objectValues = (
  objects: readonly Readonly<Record<string, unknown>>[],
  unreadable: ReadonlyMap<number, string>,
): PageValues => ({ objects, unreadable, column: (name) => (row) => objects[row]?.[name] });
