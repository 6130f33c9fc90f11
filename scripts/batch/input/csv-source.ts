import { CsvSyntaxError, openCsvRecords } from '../../../shared/text/csv-records.js';
import { InputFileError, type Source, type SourcePage, type SourceRow, withoutFirst } from './source.js';
import { readTextFile } from './text-file.js';

const RECORD_LIMIT_CHARS = 4_194_304;

/** A table whose first line names the columns. Every cell is text; an empty one is an absent value. */
export async function openCsv(path: string): Promise<Source> {
  for await (const { records } of readRecords(path)) {
    const header = records[0];
    if (header) return { columns: checkHeader(path, header), pages: (fromRow) => readRows(path, fromRow) };
  }
  throw new InputFileError(path, 'is empty: its first line must name the columns');
}

function checkHeader(path: string, header: readonly string[]): string[] {
  const columns = header.map((name) => name.trim());
  const twice = columns.find((name, place) => columns.indexOf(name) !== place);
  if (columns.length === 1 && /[;\t]/.test(columns[0] ?? '')) {
    throw new InputFileError(
      path,
      'has one column only: its cells must be parted by commas, not ";" or tabs',
    );
  }
  if (twice !== undefined) throw new InputFileError(path, `has two columns named "${twice}"`);
  return columns;
}

async function* readRows(path: string, fromRow: number): AsyncGenerator<SourcePage, void, undefined> {
  let columns: string[] | undefined;
  const pages = async function* () {
    for await (const { records, share } of readRecords(path)) {
      columns ??= records.shift()?.map((name) => name.trim());
      yield { rows: records.map((cells) => rowOf(columns ?? [], cells)), share };
    }
  };
  yield* withoutFirst(pages(), fromRow);
}

/** Columns may have any name, such as `__proto__`: nothing is inherited. */
const Cells = function Cells() {} as unknown as new () => Record<string, unknown>;
Cells.prototype = Object.create(null);

function rowOf(columns: readonly string[], cells: readonly string[]): SourceRow {
  const values = new Cells();
  for (let place = 0; place < columns.length; place += 1) {
    const cell = cells[place];
    if (cell) values[columns[place] ?? ''] = cell;
  }
  if (cells.length === columns.length) return { values };
  return { values, unreadable: `has ${cells.length} cells, the header has ${columns.length}` };
}

async function* readRecords(
  path: string,
): AsyncGenerator<{ records: string[][]; share: number }, void, undefined> {
  const csv = openCsvRecords(RECORD_LIMIT_CHARS);
  try {
    for await (const { text, share } of readTextFile(path)) yield { records: await csv.write(text), share };
    yield { records: await csv.end(), share: 1 };
  } catch (cause) {
    if (!(cause instanceof CsvSyntaxError)) throw cause;
    throw new InputFileError(path, `is not CSV: ${cause.message}`, { cause });
  }
}
