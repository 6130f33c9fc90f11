import type { BatchRowError } from '../../shared/contract/batch.js';
import type { ActualReader } from './comparison.js';
import type { InputWriter } from './input-mapping.js';
import type { Source, SourcePage } from './input/source.js';
import { RowTexts } from './row-texts.js';

/** Rows that are submitted together. */
export interface Part {
  /** In the file, from 0. */
  firstRow: number;
  /** Inputs to send, one JSON text a row. */
  inputs: RowTexts;
  /** The rows themselves: each page holds those of the part from its `firstRow` on, as far as it reaches. */
  pages: SourcePage[];
  /** Rows of the part that cannot be asked, and why; `null` is sent in their place. */
  problems: Map<number, BatchRowError>;
  /** Values that results are compared with, NaN where there is none; undefined when nothing is compared. */
  actual: Float64Array | undefined;
}

/** Limits of parts. */
export interface PartOptions {
  toInput: InputWriter;
  actualOf: ActualReader | undefined;
  rowsPerPart: number;
  /** The columns that are needed; all of them when undefined. */
  wanted: ReadonlySet<string> | undefined;
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
  const { toInput, actualOf, rowsPerPart, wanted, onRead } = options;
  let part = emptyPart(fromRow, options);
  let chars = 0;
  for await (const page of source.pages(fromRow, wanted)) {
    const { firstRow, length, share, texts } = page;
    if (firstRow + length <= fromRow) continue;
    const values = page.values();
    const [inputOf, actual] = [toInput(page, values), actualOf?.(values)];
    part.pages.push(page);
    for (let at = Math.max(0, fromRow - firstRow); at < length; at += 1) {
      const input = inputOf(at);
      add(part, input, values.unreadable.get(at));
      if (part.actual) part.actual[part.inputs.length - 1] = actual?.(at) ?? Number.NaN;
      chars += input.length + (texts?.at(at).length ?? 0);
      if (part.inputs.length < rowsPerPart && chars < PART_LIMIT_CHARS) continue;
      onRead(firstRow + at + 1, share);
      yield part;
      part = emptyPart(firstRow + at + 1, options);
      if (at + 1 < length) part.pages.push(page);
      chars = 0;
    }
    onRead(firstRow + length, share);
  }
  if (part.inputs.length > 0) yield part;
}

const emptyPart = (firstRow: number, { actualOf, rowsPerPart }: PartOptions): Part => ({
  firstRow,
  inputs: new RowTexts(),
  pages: [],
  problems: new Map(),
  actual: actualOf ? new Float64Array(rowsPerPart) : undefined,
});

function add({ inputs, problems }: Part, input: string, unreadable: string | undefined): void {
  const problem = unreadable ?? (input.length > INPUT_LIMIT_CHARS ? TOO_LONG : undefined);
  if (problem === undefined) return inputs.add(input);
  problems.set(inputs.length, { code: 'invalid_input', message: `the row ${problem}` });
  inputs.add('null');
}

const TOO_LONG = `is longer than ${INPUT_LIMIT_CHARS} characters`;
