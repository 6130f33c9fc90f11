import {
  type AsyncBuffer,
  type ColumnData,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { messageOf } from '../../../shared/errors.js';
import { type CellReader, cellReaders } from './parquet-cells.js';
import { InputFileError, type Source, type SourcePage, type SourceRow } from './source.js';

/** Rows decoded at a time. A row group may have millions; each window reads its columns' bytes again. */
const WINDOW_ROWS = 65_536;

interface ParquetFile {
  path: string;
  file: AsyncBuffer;
  metadata: FileMetaData;
  cells: ReadonlyMap<string, CellReader>;
}

/** A Parquet file, a window of its rows at a time in memory. */
export async function openParquet(path: string): Promise<Source> {
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const cells = cellReaders(metadata.schema);
    return {
      columns: [...cells.keys()],
      pages: (fromRow) => readWindows({ path, file, metadata, cells }, fromRow),
    };
  } catch (cause) {
    throw new InputFileError(path, `cannot be read as Parquet: ${messageOf(cause)}`, { cause });
  }
}

async function* readWindows(from: ParquetFile, fromRow: number): AsyncGenerator<SourcePage, void, undefined> {
  const total = Number(from.metadata.num_rows);
  for (const { start, end } of windowsOf(from.metadata)) {
    if (end <= fromRow) continue;
    yield { rows: await readWindow(from, Math.max(start, fromRow), end), share: end / total };
  }
}

/** Windows never reach over the end of a row group. */
function* windowsOf({ row_groups: groups }: FileMetaData): Generator<{ start: number; end: number }> {
  let start = 0;
  for (const group of groups) {
    const groupEnd = start + Number(group.num_rows);
    for (; start < groupEnd; start = Math.min(start + WINDOW_ROWS, groupEnd)) {
      yield { start, end: Math.min(start + WINDOW_ROWS, groupEnd) };
    }
  }
}

async function readWindow(from: ParquetFile, rowStart: number, rowEnd: number): Promise<SourceRow[]> {
  const { path, file, metadata, cells } = from;
  const columns = new Map([...cells.keys()].map((name) => [name, emptyCells(rowEnd - rowStart)]));
  const onChunk = ({ columnName, columnData, rowStart: first }: ColumnData): void => {
    const column = columns.get(columnName) ?? [];
    const read = cells.get(columnName) ?? ((value) => value);
    // A page may reach over the window on both sides.
    const end = Math.min(columnData.length, rowEnd - first);
    for (let at = Math.max(0, rowStart - first); at < end; at += 1) {
      column[first + at - rowStart] = read(columnData[at]);
    }
  };
  try {
    await parquetRead({ file, metadata, compressors, rowStart, rowEnd, onChunk });
  } catch (cause) {
    throw new InputFileError(path, `cannot be read from row ${rowStart} on: ${messageOf(cause)}`, { cause });
  }
  return rowsOf(columns, rowEnd - rowStart);
}

const emptyCells = (length: number): unknown[] => Array.from({ length });

function rowsOf(columns: ReadonlyMap<string, unknown[]>, count: number): SourceRow[] {
  const names = [...columns.keys()];
  const cells = [...columns.values()];
  // A copy of an object costs a fraction of making one member by member.
  const template = Object.fromEntries(names.map((name) => [name, undefined as unknown]));
  const rows: SourceRow[] = [];
  for (let row = 0; row < count; row += 1) {
    const values = { ...template };
    for (let at = 0; at < names.length; at += 1) values[names[at] ?? ''] = cells[at]?.[row];
    rows.push({ values });
  }
  return rows;
}
