import { statSync } from 'node:fs';
import { extname } from 'node:path';
import { openCsv } from './csv-source.js';
import { openJson } from './json-source.js';
import { openNdjson } from './ndjson-source.js';
import { openParquet } from './parquet-source.js';
import { InputFileError, type Source } from './source.js';
import { textFile, type TextInput, textStream } from './text-file.js';

/** Formats of an input file by name. */
export const INPUT_FORMATS = ['csv', 'ndjson', 'json', 'parquet'] as const;
export type InputFormat = (typeof INPUT_FORMATS)[number];

/** The name of standard input as a file to read, and of standard output as one to write. */
export const STANDARD = '-';

const TEXT_OPENERS: Readonly<Record<Exclude<InputFormat, 'parquet'>, (input: TextInput) => Promise<Source>>> =
  { csv: openCsv, ndjson: openNdjson, json: openJson };

/** What the ending of a file's name says of its format. */
export const ENDINGS: Readonly<Record<string, InputFormat>> = {
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
  throw path === STANDARD
    ? new InputFileError('standard input', 'say with --format what comes: csv, ndjson or json')
    : new InputFileError(
        path,
        `ends in none of ${Object.keys(ENDINGS).join(', ')}: say which it is with --format`,
      );
}

/** Looks into an input file, or into standard input. Throws {@link InputFileError}. */
export async function openSource(path: string, format: InputFormat): Promise<Source> {
  if (path === STANDARD) {
    if (format !== 'parquet') return TEXT_OPENERS[format](textStream('standard input', process.stdin));
    throw new InputFileError('standard input', 'a Parquet file is read from its end: give its name');
  }
  // A pipe may never say anything, and nothing can be read twice from it.
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) {
    throw new InputFileError(path, `cannot be read: it is no regular file; give it on standard input, as -`);
  }
  return format === 'parquet' ? openParquet(path) : TEXT_OPENERS[format](textFile(path));
}
