import type { Manifest } from '../../../shared/model/manifest.js';
import { JSON_NUMBER } from '../../../shared/text/cells.js';
import { type CsvRecords, CsvSyntaxError, openCsvRecords } from '../../../shared/text/csv-records.js';
import { memberPointer, type RuleViolation } from '../../../shared/validation/ajv.js';
import { ROW_LIMIT_CHARS, type Row, type RowReader, UploadError } from './rows.js';

/** Length of one step, in bytes: a row with too few or too many cells takes some 20 µs, and may have two bytes. */
const STEP_BYTES = 1_024;

/** Blank lines are no rows, but take time all the same. */
const BLANK_LINES = 1_000_000;

/** Reads rows whose first line names the members of the model's input. An empty cell is an absent member. */
export const csvRows = (manifest: Manifest): RowReader =>
  async function* (text) {
    const csv = openCsv();
    let toRow: ((cells: string[]) => Row) | undefined;
    const rowsOf = (records: string[][]): Row[] => {
      if (!toRow && records.length > 0) toRow = rowBuilder(manifest, records.shift() ?? []);
      return toRow ? records.map(toRow) : [];
    };
    for await (const piece of text) {
      const bytes = Buffer.from(piece);
      for (let at = 0; at < bytes.length; at += STEP_BYTES) {
        yield rowsOf(await csv.write(bytes.subarray(at, at + STEP_BYTES)));
      }
    }
    yield rowsOf(await csv.end());
    if (!toRow) throw invalid([{ pointer: '#', detail: 'needs a header line that names the columns' }]);
  };

/** The records of an upload. Rejects with an {@link UploadError} past a limit, too. */
function openCsv(): Pick<CsvRecords, 'write' | 'end'> {
  const csv = openCsvRecords(ROW_LIMIT_CHARS);
  let seen = 0;
  let sinceLineBytes = 0;
  const checked = async (reading: Promise<string[][]>): Promise<string[][]> => {
    const completed = await reading.catch((error: unknown) => {
      throw error instanceof CsvSyntaxError ? uploadErrorOf(error) : error;
    });
    const { records, blank } = csv.lines;
    if (blank > BLANK_LINES) {
      throw new UploadError('too_large', `the body has more than ${BLANK_LINES} blank lines`);
    }
    // The parser's own limit counts the characters in the cells of a record, not the cells.
    if (records + blank > seen) sinceLineBytes = 0;
    if (sinceLineBytes > ROW_LIMIT_CHARS) throw rowTooLong();
    seen = records + blank;
    return completed;
  };
  return {
    write(piece) {
      sinceLineBytes += piece.length;
      return checked(csv.write(piece));
    },
    end: () => checked(csv.end()),
  };
}

const invalid = (violations: RuleViolation[]): UploadError =>
  new UploadError('invalid', 'the header does not fit the model', violations);

/** Turns a cell's text into the JSON value that the member's schema asks for; text that does not fit stays text. */
type CellReader = (text: string) => unknown;

const readNumber: CellReader = (text) => (JSON_NUMBER.test(text) ? Number(text) : text);
const readBoolean: CellReader = (text) => (text === 'true' ? true : text === 'false' ? false : text);
const readText: CellReader = (text) => text;

function rowBuilder(manifest: Manifest, header: readonly string[]): (cells: string[]) => Row {
  const names = header.map((name) => name.trim());
  const violations = names
    .filter((name) => !Object.hasOwn(manifest.input.properties, name))
    .map((name) => ({
      pointer: memberPointer('#', name),
      detail: 'is a column of the header but not a member of the input',
    }));
  const missing = (manifest.input.required ?? []).filter((name) => !names.includes(name));
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
  const readers = names.map((name) => readerFor(manifest.input.properties[name]));
  return (cells) => {
    if (cells.length !== names.length) {
      return {
        unreadable: `has ${cells.length} cells, the header ${names.length}`,
        chars: cells.reduce((chars, cell) => chars + cell.length + 1, 0),
      };
    }
    const value: Record<string, unknown> = {};
    let chars = 0;
    names.forEach((name, i) => {
      const cell = cells[i] ?? '';
      chars += cell.length + 1;
      if (cell !== '') value[name] = readers[i]?.(cell);
    });
    return { value, chars };
  };
}

function readerFor(property: Record<string, unknown> | undefined): CellReader {
  const type = property?.['type'];
  if (type === 'number' || type === 'integer') return readNumber;
  return type === 'boolean' ? readBoolean : readText;
}

const rowTooLong = (): UploadError =>
  new UploadError('too_large', `a row is longer than ${ROW_LIMIT_CHARS} characters`);

function uploadErrorOf({ isTooLong, message, line }: CsvSyntaxError): UploadError {
  if (isTooLong) return rowTooLong();
  return new UploadError(
    'malformed',
    `the body is not CSV: ${message}${line === undefined ? '' : ` (line ${line})`}`,
  );
}
