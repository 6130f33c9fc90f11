import { statSync } from 'node:fs';
import { extname } from 'node:path';
import { openCsv } from './csv-source.js';
import { openJson } from './json-source.js';
import { openNdjson } from './ndjson-source.js';
import { openParquet } from './parquet-source.js';
import { InputFileError, type Source } from './source.js';

/** Formats of an input file by name. */
export const INPUT_FORMATS = ['csv', 'ndjson', 'json', 'parquet'] as const;
export type InputFormat = (typeof INPUT_FORMATS)[number];

const OPENERS: Readonly<Record<InputFormat, (path: string) => Promise<Source>>> = {
  csv: openCsv,
  ndjson: openNdjson,
  json: openJson,
  parquet: openParquet,
};

const ENDINGS: Readonly<Record<string, InputFormat>> = {
  '.csv': 'csv',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.json': 'json',
  '.parquet': 'parquet',
};

/** The format that a file's ending names. Throws {@link InputFileError} for any other ending. */
export function inputFormatOf(path: string): InputFormat {
  const format = ENDINGS[extname(path).toLowerCase()];
  if (format) return format;
  throw new InputFileError(
    path,
    `ends in none of ${Object.keys(ENDINGS).join(', ')}: say which it is with --format`,
  );
}

/** Looks into an input file. Throws {@link InputFileError}. */
export async function openSource(path: string, format: InputFormat): Promise<Source> {
  // A pipe may never say anything, and nothing can be read twice from it.
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) {
    throw new InputFileError(path, 'cannot be read: it is no regular file; write its rows into one');
  }
  return OPENERS[format](path);
}
