import type { RuleViolation } from '../../../shared/validation/ajv.js';

/** A row as it was read: a value that has yet to be validated, or the reason why it cannot be read. */
export type Row = ({ value: unknown } | { unreadable: string }) & {
  /** Length of its text, about. */
  chars: number;
};

/**
 * Rows of a text that arrives in pieces of a few KiB. Steps are short, so that others can have their turn in between: each
 * reads one piece at the most, and gives the rows that it completed, if any.
 */
export type RowReader = (text: AsyncIterable<string>) => AsyncIterable<Row[]>;

/** Longest text of one row, in characters: what one job's body may hold, too. */
export const ROW_LIMIT_CHARS = 65_536;

/** The reason why a whole upload cannot be taken; each code has one answer in HTTP. */
export type UploadErrorCode = 'malformed' | 'stalled' | 'too_large' | 'invalid' | 'too_many_invalid';

/** A whole upload cannot be taken. A single bad row is no such error. */
export class UploadError extends Error {
  override name = 'UploadError';
  constructor(
    readonly code: UploadErrorCode,
    message: string,
    readonly violations: readonly RuleViolation[] = [],
  ) {
    super(message);
  }
}
