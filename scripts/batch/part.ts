import type { BatchRowError } from '../../shared/contract/batch.js';
import type { ActualReader } from './accuracy.js';
import type { InputWriter } from './input-mapping.js';
import type { Source, SourceRow } from './input/source.js';
import { RowTexts } from './row-texts.js';

/** Rows that are submitted together. */
export interface Part {
  /** In the file, from 0. */
  firstRow: number;
  /** Inputs to send, one JSON text a row. */
  inputs: RowTexts;
  /** Texts of the output file before the results. */
  carried: RowTexts;
  /** Rows of the part that cannot be asked, and why; `null` is sent in their place. */
  problems: Map<number, BatchRowError>;
  /** Values that results are compared with, NaN where there is none; undefined when nothing is compared. */
  actual: Float64Array | undefined;
}

/** Limits of parts. */
export interface PartOptions {
  toInput: InputWriter;
  carry: (row: SourceRow) => string;
  actualOf: ActualReader | undefined;
  rowsPerPart: number;
  /** Told how far the file is read: rows from its start, and the share of it. */
  onRead: (rows: number, share: number) => void;
}

/** A server takes no longer row. */
const INPUT_LIMIT_CHARS = 65_536;
/** Parts of long rows are shorter, for the sake of memory and of the server's limit on one upload. */
const PART_LIMIT_CHARS = 33_554_432;

/** The rows of a file from `fromRow` on, in parts. Where one ends depends on the file and the options alone. */
export async function* partsOf(
  source: Source,
  fromRow: number,
  options: PartOptions,
): AsyncGenerator<Part, void, undefined> {
  let row = fromRow;
  let part = emptyPart(row, options);
  let chars = 0;
  for await (const page of source.pages(fromRow)) {
    for (const sourceRow of page.rows) {
      chars += add(part, sourceRow, options);
      row += 1;
      if (row - part.firstRow < options.rowsPerPart && chars < PART_LIMIT_CHARS) continue;
      options.onRead(row, page.share);
      yield part;
      part = emptyPart(row, options);
      chars = 0;
    }
    options.onRead(row, page.share);
  }
  if (row > part.firstRow) yield part;
}

const emptyPart = (firstRow: number, { actualOf, rowsPerPart }: PartOptions): Part => ({
  firstRow,
  inputs: new RowTexts(),
  carried: new RowTexts(),
  problems: new Map(),
  actual: actualOf ? new Float64Array(rowsPerPart) : undefined,
});

function add(part: Part, row: SourceRow, { toInput, carry, actualOf }: PartOptions): number {
  const at = part.inputs.length;
  const input = toInput(row);
  const problem = row.unreadable ?? (input.length > INPUT_LIMIT_CHARS ? TOO_LONG : undefined);
  if (problem !== undefined) part.problems.set(at, { code: 'invalid_input', message: `the row ${problem}` });
  const carried = carry(row);
  part.inputs.add(problem === undefined ? input : 'null');
  part.carried.add(carried);
  if (part.actual) part.actual[at] = actualOf?.(row.values) ?? Number.NaN;
  return input.length + carried.length;
}

const TOO_LONG = `is longer than ${INPUT_LIMIT_CHARS} characters`;
