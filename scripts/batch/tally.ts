import type { BatchRowError } from '../../shared/contract/batch.js';
import { rowErrorText } from '../../shared/text/cells.js';
import { isRecord } from '../../shared/text/is-record.js';

/** Rows that failed for one reason. */
export interface FailureCount {
  reason: string;
  rows: number;
  /** From 0. */
  first_row: number;
}

/** Outcomes of the rows so far. */
export interface TallyState {
  succeeded: number;
  failed: number;
  /** The first reasons that came up. */
  failures: FailureCount[];
}

const MOST_REASONS = 20;

/** Counts rows by what became of them. */
export class Tally {
  readonly #state: TallyState;

  constructor(state: TallyState = { succeeded: 0, failed: 0, failures: [] }) {
    this.#state = { ...state, failures: state.failures.map((failure) => ({ ...failure })) };
  }

  succeeded(): void {
    this.#state.succeeded += 1;
  }

  failed(row: number, error: BatchRowError): void {
    this.#state.failed += 1;
    const reason = rowErrorText(error);
    const { failures } = this.#state;
    const known = failures.find((failure) => failure.reason === reason);
    if (known) known.rows += 1;
    else if (failures.length < MOST_REASONS) failures.push({ reason, rows: 1, first_row: row });
  }

  /** A copy. */
  get state(): TallyState {
    return { ...this.#state, failures: this.#state.failures.map((failure) => ({ ...failure })) };
  }

  get rows(): number {
    return this.#state.succeeded + this.#state.failed;
  }
}

/** Whether a value read from a file is a {@link TallyState}. */
export const isTallyState = (value: unknown): value is TallyState =>
  isRecord(value) &&
  typeof value['succeeded'] === 'number' &&
  typeof value['failed'] === 'number' &&
  Array.isArray(value['failures']);
