import { cellsOf, CsvRecords } from './csv-records.js';
import { RowTexts } from '../row-texts.js';
import { kindsOf } from './sample.js';
import { InputFileError, type PageValues, type Source, type SourcePage } from './source.js';
import type { TextInput } from './text-file.js';

/** A table whose first line names the columns. Every cell is text; an empty one is an absent value. */
export async function openCsv(input: TextInput): Promise<Source> {
  const columns: string[] = [];
  const pages = (): AsyncGenerator<SourcePage, void, undefined> => readRows(input, columns);
  const kinds = await kindsOf(input.name, pages(), columns);
  if (columns.length === 0) {
    throw new InputFileError(input.name, 'is empty: it has no columns, which its first line must name');
  }
  return { columns, kinds, textFormat: 'csv', pages };
}

/** Fills `columns` with what the first line names. */
async function* readRows(input: TextInput, columns: string[]): AsyncGenerator<SourcePage, void, undefined> {
  const csv = new CsvRecords(input.name);
  let firstRow = -1;
  const pageOf = (records: string[], share: number): SourcePage => {
    if (firstRow < 0 && records.length > 0) {
      const header = headerOf(input.name, records.shift() ?? '');
      columns.splice(0, columns.length, ...header);
      firstRow = 0;
    }
    const texts = RowTexts.of(records);
    const page = { firstRow, length: texts.length, share, texts, values: () => valuesOf(texts, columns) };
    firstRow += records.length;
    return page;
  };
  for await (const { text, share } of input.pieces()) {
    const page = pageOf(csv.add(text), share);
    if (columns.length > 0) yield page;
  }
  const last = pageOf(csv.end(), 1);
  if (columns.length > 0) yield last;
}

function headerOf(file: string, record: string): string[] {
  const columns = cellsOf(record)?.map((name) => name.trim()) ?? [];
  const twice = columns.find((name, place) => columns.indexOf(name) !== place);
  if (columns.length === 0) throw new InputFileError(file, `is not CSV: ${BAD_QUOTES}`);
  if (columns.length === 1 && /[;\t]/.test(columns[0] ?? '')) {
    throw new InputFileError(
      file,
      'has one column only: its cells must be parted by commas, not ";" or tabs',
    );
  }
  if (twice !== undefined) throw new InputFileError(file, `has two columns named "${twice}"`);
  return columns;
}

const BAD_QUOTES = 'has a quote in the middle of a cell';

function valuesOf(records: RowTexts, columns: readonly string[]): PageValues {
  const unreadable = new Map<number, string>();
  const rows = Array.from({ length: records.length }, (_, row) => {
    const cells = cellsOf(records.at(row));
    if (!cells) unreadable.set(row, BAD_QUOTES);
    else if (cells.length !== columns.length) {
      unreadable.set(row, `has ${cells.length} cells, the header has ${columns.length}`);
    }
    return cells;
  });
  return {
    unreadable,
    column(name) {
      const place = columns.indexOf(name);
      return (row) => rows[row]?.[place] || undefined;
    },
  };
}
