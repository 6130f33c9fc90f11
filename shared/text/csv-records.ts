import type { CsvError } from 'csv-parse';
import { parse } from 'csv-parse/sync';

/** A text is not CSV. */
export class CsvSyntaxError extends Error {
  override name = 'CsvSyntaxError';
  /** Number of the line at fault, from 1. */
  readonly line: number | undefined;
  constructor(cause: Error) {
    super(cause.message, { cause });
    const { lines } = cause as Partial<CsvError> & { lines?: number };
    this.line = lines;
  }
}

/** The records of whole lines that end with LF or CRLF. Throws a {@link CsvSyntaxError}. */
export function parseCsvRecords(lines: Buffer): string[][] {
  try {
    return parse(lines, {
      relax_column_count: true,
      skip_empty_lines: true,
      record_delimiter: ['\r\n', '\n'],
    });
  } catch (error) {
    throw error instanceof Error ? new CsvSyntaxError(error) : error;
  }
}
