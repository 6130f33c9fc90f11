import type { SourcePage } from '../input/source.js';
import type { OutcomeTaker } from './output-format.js';

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
