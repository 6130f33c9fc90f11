import {
  type ColumnData,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { messageOf } from '../../../shared/errors.js';
import { type CellReader, cellReaders, numberColumns, parsersFor } from './parquet-cells.js';
import { InputFileError, type ParquetFile, type Source, type SourcePage } from './source.js';

/** Rows decoded at a time. A row group may have millions; each window reads its columns' bytes again. */
const WINDOW_ROWS = 65_536;

type Readers = ReadonlyMap<string, CellReader>;

/** A Parquet file, a window of its rows at a time in memory. */
export async function openParquet(path: string): Promise<Source> {
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const parquet = { path, file, metadata };
    const readers = [...cellReaders(metadata.schema)];
    return {
      columns: readers.map(([name]) => name),
      kinds: new Map(),
      parquet,
      pages: (fromRow, wanted) =>
        readWindows(parquet, new Map(readers.filter(([name]) => wanted?.has(name) ?? true)), fromRow),
    };
  } catch (cause) {
    throw new InputFileError(path, `cannot be read as Parquet: ${messageOf(cause)}`, { cause });
  }
}

async function* readWindows(
  parquet: ParquetFile,
  readers: Readers,
  fromRow: number,
): AsyncGenerator<SourcePage, void, undefined> {
  const total = Number(parquet.metadata.num_rows);
  for (const { start, end } of windowsOf(parquet.metadata)) {
    if (end <= fromRow) continue;
    const page = await readWindow(parquet, readers, { rowStart: Math.max(start, fromRow), rowEnd: end });
    yield { ...page, share: end / total };
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

async function readWindow(
  { path, file, metadata }: ParquetFile,
  readers: Readers,
  { rowStart, rowEnd }: { rowStart: number; rowEnd: number },
): Promise<Omit<SourcePage, 'share'>> {
  const length = rowEnd - rowStart;
  // Numbers that wait for their results in a plain array would be objects, all of them for the garbage collector to visit.
  const numbers = numberColumns(metadata.schema);
  const columns = new Map<string, unknown[] | Float64Array>(
    [...readers.keys()].map((name) => [
      name,
      numbers.has(name) ? new Float64Array(length).fill(Number.NaN) : [],
    ]),
  );
  const onChunk = ({ columnName, columnData, rowStart: first }: ColumnData): void => {
    const column = columns.get(columnName) ?? [];
    const none = column instanceof Float64Array ? Number.NaN : undefined;
    // A page of the file may reach over the window on both sides.
    const end = Math.min(columnData.length, rowEnd - first);
    for (let at = Math.max(0, rowStart - first); at < end; at += 1) {
      column[first + at - rowStart] = columnData[at] ?? none;
    }
  };
  const parsers = parsersFor(metadata.schema);
  try {
    // One after the other: all columns as they are decoded are too much for a young generation of the garbage collector.
    for (const name of readers.keys()) {
      await parquetRead({ file, metadata, compressors, parsers, columns: [name], rowStart, rowEnd, onChunk });
    }
  } catch (cause) {
    throw new InputFileError(path, `cannot be read from row ${rowStart} on: ${messageOf(cause)}`, { cause });
  }
  const column = (name: string) => {
    const [cells, read] = [columns.get(name), readers.get(name)];
    return cells && read ? (row: number) => read(cells[row]) : () => undefined;
  };
  const values = { column, unreadable: new Map<number, string>() };
  return { firstRow: rowStart, length, values: () => values };
}
