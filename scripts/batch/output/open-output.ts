import { asyncBufferFromFile } from 'hyparquet';
import { extname } from 'node:path';
import { BatchCommandError } from '../batch-error.js';
import { ENDINGS, STANDARD } from '../input/open-source.js';
import { csvOutput } from './csv-output.js';
import { ndjsonOutput } from './ndjson-output.js';
import type { Output, OutputColumns } from './output-format.js';
import { ParquetOutput } from './parquet-output.js';
import { FileSink, type Sink, StreamSink } from './sink.js';
import { TextOutput } from './text-output.js';

/** Formats of an output file by name. */
export const OUTPUT_FORMATS = ['csv', 'ndjson', 'parquet'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** The format that an output file's ending names. Throws {@link BatchCommandError} for any other ending. */
export function outputFormatOf(path: string): OutputFormat {
  const format = ENDINGS[extname(path).toLowerCase()];
  if (format && format !== 'json') return format;
  const endings = Object.keys(ENDINGS).filter((ending) => ENDINGS[ending] !== 'json');
  throw new BatchCommandError(
    `--out ${path}: must end in one of ${endings.join(', ')}, or say which it is with --out-format`,
  );
}

/** Opens a file, cut back to the `bytes` of its last commit, or standard output. */
export async function openOutput(
  path: string,
  format: OutputFormat,
  columns: OutputColumns,
  bytes: number,
): Promise<{ output: Output; sink: Sink }> {
  const sink = path === STANDARD ? new StreamSink(process.stdout) : await FileSink.open(path, bytes);
  if (format === 'parquet') {
    const written = sink.bytes > 0 ? await asyncBufferFromFile(path) : undefined;
    return { sink, output: await ParquetOutput.open(sink, columns, written) };
  }
  const text = format === 'csv' ? csvOutput(columns) : ndjsonOutput(columns);
  return { sink, output: new TextOutput(sink, text) };
}
