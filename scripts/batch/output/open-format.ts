import { extname } from 'node:path';
import { BatchCommandError } from '../batch-error.js';
import { csvOutput } from './csv-output.js';
import { ndjsonOutput } from './ndjson-output.js';
import type { OutputColumns, OutputFormat } from './output-format.js';

const FORMATS: Readonly<Record<string, (columns: OutputColumns) => OutputFormat>> = {
  '.csv': csvOutput,
  '.ndjson': ndjsonOutput,
  '.jsonl': ndjsonOutput,
};

/** The format that an output file's ending names. Throws {@link BatchCommandError} for any other ending. */
export function outputFormatFor(path: string, columns: OutputColumns): OutputFormat {
  const format = FORMATS[extname(path).toLowerCase()];
  if (format) return format(columns);
  throw new BatchCommandError(`--out ${path}: must end in one of ${Object.keys(FORMATS).join(', ')}`);
}
