import { finished } from 'node:stream/promises';
import { type CsvError, parse } from 'csv-parse';
import { parse as parseAtOnce } from 'csv-parse/sync';

/** A CSV text that is read piece by piece. */
export interface CsvRecords {
  /** Reads one more piece. Resolves to the records that it completes. Rejects with a {@link CsvSyntaxError}. */
  write(piece: string | Uint8Array): Promise<string[][]>;
  /** Ends the text. Resolves to its last record, if it has no line feed. Rejects with a {@link CsvSyntaxError}. */
  end(): Promise<string[][]>;
  /** Lines so far that hold a record, and lines that hold nothing. */
  readonly lines: { records: number; blank: number };
}

/** A text is not CSV, or one record is too long. */
export class CsvSyntaxError extends Error {
  override name = 'CsvSyntaxError';
  readonly isTooLong: boolean;
  /** Number of the line at fault, from 1. */
  readonly line: number | undefined;
  constructor(cause: Error) {
    super(cause.message, { cause });
    const { code, lines } = cause as Partial<CsvError> & { lines?: number };
    this.isTooLong = code === 'CSV_MAX_RECORD_SIZE';
    this.line = lines;
  }
}

/** The records of whole lines that end with LF or CRLF. Throws a {@link CsvSyntaxError}. */
export function parseCsvRecords(lines: Buffer): string[][] {
  try {
    return parseAtOnce(lines, {
      relax_column_count: true,
      skip_empty_lines: true,
      record_delimiter: ['\r\n', '\n'],
    });
  } catch (error) {
    throw error instanceof Error ? new CsvSyntaxError(error) : error;
  }
}

/** Opens a text, with or without a byte order mark. Records may have any number of cells; blank lines are none. */
export function openCsvRecords(recordLimitChars: number): CsvRecords {
  const parser = parse({
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
    // A quote that is never closed would otherwise make one record of the whole text.
    max_record_size: recordLimitChars,
  });
  let records: string[][] = [];
  let failure: CsvSyntaxError | undefined;
  parser.on('data', (record: string[]) => records.push(record));
  parser.on('error', (error) => {
    failure = new CsvSyntaxError(error);
  });
  const take = (): string[][] => {
    if (failure) throw failure;
    const taken = records;
    records = [];
    return taken;
  };
  return {
    async write(piece) {
      await new Promise((resolve) => parser.write(piece, resolve));
      return take();
    },
    async end() {
      parser.end();
      await finished(parser).catch(() => undefined);
      return take();
    },
    get lines() {
      return { records: parser.info.records, blank: parser.info.empty_lines };
    },
  };
}
