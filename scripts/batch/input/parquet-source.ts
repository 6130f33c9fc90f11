import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { messageOf } from '../../../shared/errors.js';
import { type CellReader, cellReaders } from './parquet-cells.js';
import { InputFileError, type Source, type SourcePage, type SourceRow } from './source.js';

/** Rows decoded at a time. A row group may have millions; each window reads its columns' bytes again. */
const WINDOW_ROWS = 32_768;

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

async function readWindow(
  { path, file, metadata, cells }: ParquetFile,
  rowStart: number,
  rowEnd: number,
): Promise<SourceRow[]> {
  try {
    const rows: Record<string, unknown>[] = await parquetReadObjects({
      file,
      metadata,
      compressors,
      rowStart,
      rowEnd,
    });
    for (const row of rows) {
      for (const [name, read] of cells) row[name] = read(row[name]);
    }
    return rows.map((values) => ({ values }));
  } catch (cause) {
    throw new InputFileError(path, `cannot be read from row ${rowStart} on: ${messageOf(cause)}`, { cause });
  }
}
