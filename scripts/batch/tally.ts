import type { BatchRowError } from '../../shared/contract/batch.js';
import { rowErrorText } from '../../shared/text/cells.js';

/** Rows that failed for one reason. */
export interface FailureCount {
  reason: string;
  rows: number;
  /** From 0. */
  first_row: number;
}

/** Outcomes of the rows so far. */
export interface Tally {
  succeeded: number;
  failed: number;
  /** The first reasons that came up. */
  failures: FailureCount[];
}

const MOST_REASONS = 20;

/** Counts a row that failed. */
export function addFailure(tally: Tally, row: number, error: BatchRowError): void {
  tally.failed += 1;
  const reason = rowErrorText(error);
  const known = tally.failures.find((failure) => failure.reason === reason);
  if (known) known.rows += 1;
  else if (tally.failures.length < MOST_REASONS) tally.failures.push({ reason, rows: 1, first_row: row });
}
