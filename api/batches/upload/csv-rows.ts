import type { Manifest } from '../../../shared/model/manifest.js';
import { cellTypeOf, readCell } from '../../../shared/text/cells.js';
import { CsvSyntaxError, parseCsvRecords } from '../../../shared/text/csv-records.js';
import type { FieldProblem } from '../../../shared/contract/problem.js';
import { memberPointer } from '../../../shared/validation/ajv.js';
import { LINE_FEED, lineBlocks } from './line-blocks.js';
import { RowScanner, type ScannedColumn } from './row-scanner.js';
import { rowLimitCharsOf, type Row, type RowReader, rowTooLong, UploadError } from './rows.js';

/** Least length of one step, in bytes: a row with too few or too many cells takes some 20 µs, and may have two bytes. */
const STEP_BYTES = 1_024;

/**
 * Reads rows whose first line names the members of the model's input. An empty cell is an absent member. Lines are scanned as
 * bytes; those that cannot be go through a parser, a few at a time.
 */
export const csvRows = (manifest: Manifest): RowReader =>
  async function* (body) {
    const scanner = RowScanner.for(manifest);
    const limitChars = rowLimitCharsOf(manifest);
    let table: Table | undefined;
    /** The beginning of a record whose end has not come. */
    let rest: Buffer = Buffer.alloc(0);
    let lines = 0;
    const parse = (bytes: Buffer): Row[] => {
      const records = parseRecords(bytes, lines);
      lines += countOf(LINE_FEED, bytes);
      const header = table ? undefined : records.shift();
      if (header) table = tableOf(manifest, header);
      return table ? records.map(table.toRow) : [];
    };
    for await (const block of lineBlocks(body, limitChars)) {
      const bytes = rest.length === 0 ? block : Buffer.concat([rest, block]);
      rest = Buffer.alloc(0);
      for (let at = 0; at < bytes.length; ) {
        if (scanner && table) {
          const scan = new Scan(bytes, at, scanner, table.columns);
          yield scan.rows();
          at = scan.end;
          lines += scan.lines;
        }
        const end = endOfRecords(bytes, at);
        const step = bytes.subarray(at, end < 0 ? bytes.length : end);
        // More than a step is one record.
        if (step.length > limitChars && step.toString().length > limitChars) throw rowTooLong(limitChars);
        if (end < 0) {
          rest = step;
          break;
        }
        yield parse(step);
        at = end;
      }
    }
    yield parse(rest);
    if (!table) throw invalid([{ pointer: '#', detail: 'needs a header line that names the columns' }]);
  };

/** The rows of a block, up to the first line that a parser has to look at. */
class Scan {
  /** Lines that were passed. */
  lines = 0;

  constructor(
    private readonly block: Buffer,
    /** Where the next row begins. */
    public end: number,
    private readonly scanner: RowScanner,
    private readonly columns: readonly ScannedColumn[],
  ) {}

  *rows(): Generator<Row, void, undefined> {
    const { block, scanner, columns } = this;
    const row = { value: scanner.row, chars: 0 };
    for (;;) {
      for (; isLineEnd(block[this.end]); this.end += 1) if (block[this.end] === LINE_FEED) this.lines += 1;
      if (this.end === block.length) return;
      const end = scanner.readCells(block, this.end, columns);
      if (end < 0) return;
      row.chars = end - this.end;
      this.end = end;
      yield row;
    }
  }
}

const [RETURN, QUOTE] = [13, 34];
const isLineEnd = (byte: number | undefined): boolean => byte === LINE_FEED || byte === RETURN;

/** Behind the records from `at` on, of a step's length or of one record; -1 where their end has not come. */
function endOfRecords(bytes: Buffer, at: number): number {
  let isQuoted = false;
  let end = -1;
  for (let next = at; next < bytes.length && (end < 0 || next < at + STEP_BYTES); next += 1) {
    // A quote inside a cell is written twice.
    if (bytes[next] === QUOTE) isQuoted = !isQuoted;
    else if (bytes[next] === LINE_FEED && !isQuoted) end = next + 1;
  }
  return end;
}

const countOf = (byte: number, bytes: Buffer): number =>
  bytes.reduce((count, one) => (one === byte ? count + 1 : count), 0);

/** Throws an {@link UploadError}; `linesBefore` is where the bytes begin in the body. */
function parseRecords(bytes: Buffer, linesBefore: number): string[][] {
  try {
    return parseCsvRecords(bytes);
  } catch (error) {
    if (!(error instanceof CsvSyntaxError)) throw error;
    const { message, line } = error;
    const where = line === undefined ? '' : ` (line ${linesBefore + line})`;
    throw new UploadError('malformed', `the body is not CSV: ${message}${where}`);
  }
}

const invalid = (violations: FieldProblem[]): UploadError =>
  new UploadError('invalid', 'the header does not fit the model', violations);

/** What the header of a table makes of its rows. */
interface Table {
  columns: readonly ScannedColumn[];
  toRow: (cells: readonly string[]) => Row;
}

function tableOf(manifest: Manifest, header: readonly string[]): Table {
  const { properties, required = [] } = manifest.input;
  const names = header.map((name) => name.trim());
  const violations = names
    .filter((name) => !Object.hasOwn(properties, name))
    .map((name) => ({
      pointer: memberPointer('#', name),
      detail: 'is a column of the header but not a member of the input',
    }));
  const missing = required.filter((name) => !names.includes(name));
  violations.push(
    ...missing.map((name) => ({
      pointer: memberPointer('#', name),
      detail: 'is required: the header has no such column',
    })),
  );
  if (new Set(names).size < names.length) {
    violations.push({ pointer: '#', detail: 'the header names a column twice' });
  }
  if (violations.length > 0) throw invalid(violations);
  const columns = names.map((member): ScannedColumn => ({ member, type: cellTypeOf(properties[member]) }));
  return { columns, toRow: (cells) => rowOf(columns, cells) };
}

function rowOf(columns: readonly ScannedColumn[], cells: readonly string[]): Row {
  const chars = cells.reduce((sum, cell) => sum + cell.length + 1, 0);
  if (cells.length !== columns.length) {
    return { unreadable: `has ${cells.length} cells, the header ${columns.length}`, chars };
  }
  const value: Record<string, unknown> = {};
  columns.forEach(({ member, type }, i) => {
    const cell = cells[i] ?? '';
    if (cell !== '') value[member] = readCell(type, cell);
  });
  return { value, chars };
}
