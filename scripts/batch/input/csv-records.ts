import { InputFileError } from './source.js';

/** A quote that is never closed would otherwise make one record of the whole file. */
const RECORD_LIMIT_CHARS = 4_194_304;

/**
 * Cuts pieces of CSV (RFC 4180) into the texts of its records, without the line ends, which are those of the first
 * line: LF, CR LF or CR. Empty lines are none. Throws {@link InputFileError}.
 */
export class CsvRecords {
  #rest = '';
  #lineEnd: '\n' | '\r' | undefined;

  constructor(private readonly file: string) {}

  /** The records that a piece completes. */
  add(piece: string): string[] {
    const text = this.#rest + piece;
    this.#lineEnd ??= text.includes('\n') ? '\n' : /\r[^]/.test(text) ? '\r' : undefined;
    const lines = this.#lineEnd === undefined ? [text] : text.split(this.#lineEnd);
    const unended = lines.pop() ?? '';
    const { records, open } = recordsOf(lines, this.#lineEnd ?? '');
    this.#rest = open === undefined ? unended : `${open}${this.#lineEnd}${unended}`;
    if (this.#rest.length > RECORD_LIMIT_CHARS) {
      throw new InputFileError(
        this.file,
        `is not CSV: it has a record of more than ${RECORD_LIMIT_CHARS} characters`,
      );
    }
    return records;
  }

  /** The last record, if no line end follows it. */
  end(): string[] {
    const { records, open } = recordsOf([this.#rest], '');
    if (open === undefined) return records;
    throw new InputFileError(this.file, `is not CSV: a quote is never closed, in ${open.slice(0, 40)}`);
  }
}

/** Joins lines again where a line end stands between quotes. `open`: the record whose quote the last line leaves open. */
function recordsOf(
  lines: readonly string[],
  lineEnd: string,
): { records: string[]; open: string | undefined } {
  const records: string[] = [];
  let open: string | undefined;
  for (const line of lines) {
    const text: string = open === undefined ? line : `${open}${lineEnd}${line}`;
    open = hasOddQuotes(line) === (open === undefined) ? text : undefined;
    if (open !== undefined) continue;
    const record = text.endsWith('\r') ? text.slice(0, -1) : text;
    if (record !== '') records.push(record);
  }
  return { records, open };
}

function hasOddQuotes(line: string): boolean {
  let isOdd = false;
  for (let at = line.indexOf('"'); at >= 0; at = line.indexOf('"', at + 1)) isOdd = !isOdd;
  return isOdd;
}

/** The cells of a record; undefined where it has text before or after a quoted cell, or a quote in another one. */
export function cellsOf(record: string): string[] | undefined {
  if (!record.includes('"')) return record.split(',');
  const cells: string[] = [];
  for (let at = 0; ; ) {
    const isQuoted = record.startsWith('"', at);
    const end = isQuoted
      ? afterQuotes(record, at)
      : ((next) => (next < 0 ? record.length : next))(record.indexOf(',', at));
    const cell = isQuoted ? record.slice(at + 1, end - 1).replaceAll('""', '"') : record.slice(at, end);
    if ((!isQuoted && cell.includes('"')) || (end < record.length && record[end] !== ',')) return undefined;
    cells.push(cell);
    if (end === record.length) return cells;
    at = end + 1;
  }
}

/** The place after the quote that closes the one at `at`. */
function afterQuotes(record: string, at: number): number {
  for (let next = record.indexOf('"', at + 1); next >= 0; next = record.indexOf('"', next + 2)) {
    if (record[next + 1] !== '"') return next + 1;
  }
  return record.length;
}
