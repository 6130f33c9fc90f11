import type { Manifest } from '../../../shared/model/manifest.js';
import { tensorChars } from '../../../shared/model/tensor-members.js';
import type { FieldProblem } from '../../../shared/contract/problem.js';

/** A row as it was read: a value that has yet to be validated, or the reason why it cannot be read. */
export type Row = ({ value: unknown } | { unreadable: string }) & {
  /** Length of its text, about. */
  chars: number;
};

/**
 * Rows of a body that arrives in pieces of a few KiB. Steps are short, so that others can have their turn in between: each
 * reads one piece at the most, and gives the rows that it completed. A row holds until the next one of its step is asked
 * for. A step whose rows are not all taken ends the reading.
 */
export type RowReader = (body: AsyncIterable<Buffer>) => AsyncIterable<Iterable<Row>>;

/** Longest text of one row of a model, in characters: what one job's body may hold, too. */
export const rowLimitCharsOf = ({ columns }: Pick<Manifest, 'columns'>): number =>
  65_536 + tensorChars(columns);

/** UTF-8 bytes a character of JavaScript, at most. */
export const MOST_BYTES_A_CHAR = 3;

/** The reason why a whole upload cannot be taken; each code has one answer in HTTP. */
export type UploadErrorCode = 'malformed' | 'stalled' | 'too_large' | 'invalid' | 'too_many_invalid';

/** A whole upload cannot be taken. A single bad row is no such error. */
export class UploadError extends Error {
  override name = 'UploadError';
  constructor(
    readonly code: UploadErrorCode,
    message: string,
    readonly violations: readonly FieldProblem[] = [],
  ) {
    super(message);
  }
}

export const rowTooLong = (limitChars: number): UploadError =>
  new UploadError('too_large', `a row is longer than ${limitChars} characters`);

export const notUtf8 = (): UploadError => new UploadError('malformed', 'the body is not UTF-8');
