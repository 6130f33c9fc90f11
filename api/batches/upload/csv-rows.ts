import { finished } from 'node:stream/promises';
import { type CsvError, parse } from 'csv-parse';
import type { Manifest } from '../../../shared/model/manifest.js';
import { memberPointer, type RuleViolation } from '../../../shared/validation/ajv.js';
import { ROW_LIMIT_CHARS, type Row, type RowReader } from './rows.js';
import { UploadError } from './upload-error.js';

/** Length of one step, in bytes: a row with too few or too many cells takes some 20 µs, and may have two bytes. */
const STEP_BYTES = 1_024;

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

/** Blank lines are no rows, but take time all the same. */
const BLANK_LINES = 1_000_000;

/** The parser as a pair of calls that resolve to the records completed since the one before. */
function openCsv(): { write(bytes: Buffer): Promise<string[][]>; end(): Promise<string[][]> } {
  const parser = parse({
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: ROW_LIMIT_CHARS,
  });
  let records: string[][] = [];
  let failure: Error | undefined;
  let seen = 0;
  let sinceRowBytes = 0;
  parser.on('data', (record: string[]) => records.push(record));
  parser.on('error', (error) => {
    failure = error;
  });
  const settle = async (done: Promise<unknown>): Promise<string[][]> => {
    await done.catch(() => undefined);
    if (failure) throw uploadErrorOf(failure);
    const { records: rows, empty_lines: blank } = parser.info;
    if (blank > BLANK_LINES) {
      throw new UploadError('too_large', `the body has more than ${BLANK_LINES} blank lines`);
    }
    // The parser counts what is in the cells of a record, not how many there are.
    if (rows + blank > seen) sinceRowBytes = 0;
    if (sinceRowBytes > ROW_LIMIT_CHARS) throw rowTooLong();
    seen = rows + blank;
    const completed = records;
    records = [];
    return completed;
  };
  return {
    write(bytes) {
      sinceRowBytes += bytes.length;
      return settle(new Promise((resolve) => parser.write(bytes, resolve)));
    },
    end() {
      parser.end();
      return settle(finished(parser));
    },
  };
}

const invalid = (violations: RuleViolation[]): UploadError =>
  new UploadError('invalid', 'the header does not fit the model', violations);

/** How a cell's text becomes the JSON value that the member's schema asks for; text that does not fit stays text. */
type CellReader = (text: string) => unknown;

const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
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

function uploadErrorOf(error: Error): UploadError {
  const { code, lines } = error as Partial<CsvError> & { lines?: number };
  if (code === 'CSV_MAX_RECORD_SIZE') {
    return rowTooLong();
  }
  return new UploadError(
    'malformed',
    `the body is not CSV: ${error.message}${lines === undefined ? '' : ` (line ${lines})`}`,
  );
}
