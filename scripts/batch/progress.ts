import type { ProgressBar } from './progress-bar.js';

/** How far a run is. */
export interface ProgressFacts {
  rows: number;
  /** Rows that failed, of those. */
  failed: number;
  /** Rows of the file: counted once all of it is read, reckoned from its size until then, undefined at first. */
  totalRows: number | undefined;
  rowsPerSecond: number;
  secondsLeft: number | undefined;
}

/** Where progress is told. */
export type ProgressDisplay = Pick<ProgressBar, 'show' | 'end'>;

/** Works out rate and time left from what is read and written. */
export class Progress {
  readonly #display: ProgressDisplay;
  readonly #startedMs = performance.now();
  readonly #rowsBefore: number;
  #totalRows: number | undefined;
  #rows: number;
  #failed = 0;

  /** `rowsBefore`: written by earlier runs, and no work of this one. */
  constructor(display: ProgressDisplay, rowsBefore: number) {
    this.#display = display;
    this.#rowsBefore = rowsBefore;
    this.#rows = rowsBefore;
  }

  /** So many rows of the file are read, which are such a share of it. */
  read(rows: number, share: number): void {
    if (share > 0) this.#totalRows = Math.max(rows, Math.round(rows / share));
  }

  /** So many rows are in the output file. */
  written(rows: number, failed: number): void {
    this.#rows = rows;
    this.#failed = failed;
    this.#display.show(this.facts);
  }

  end(): void {
    this.#display.end();
  }

  get facts(): ProgressFacts {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const rowsPerSecond = seconds > 0 ? (this.#rows - this.#rowsBefore) / seconds : 0;
    const left = this.#totalRows === undefined ? undefined : this.#totalRows - this.#rows;
    return {
      rows: this.#rows,
      failed: this.#failed,
      totalRows: this.#totalRows,
      rowsPerSecond,
      secondsLeft:
        left === 0 ? 0 : left !== undefined && rowsPerSecond > 0 ? left / rowsPerSecond : undefined,
    };
  }
}
