import { type GenericBar, type Options, type Params, SingleBar } from 'cli-progress';
import { count, duration } from '../lib/figures.js';
import { barLine, USUAL_COLUMNS } from '../lib/terminal.js';

/** Progress of a run. */
export interface ProgressFacts {
  rows: number;
  /** Rows that failed, of those. */
  failed: number;
  /** Rows of the file: counted once all of it is read, reckoned from its size until then, undefined at first. */
  totalRows: number | undefined;
  rowsPerSecond: number;
  secondsLeft: number | undefined;
}

/** Shows a person how far a run is. */
export interface ProgressDisplay {
  show(facts: ProgressFacts): void;
  end(): void;
}

/** Computes the rate and the time left from the rows that are read and written. */
export class Progress {
  readonly #display: ProgressDisplay;
  readonly #startedMs = performance.now();
  readonly #rowsBefore: number;
  #totalRows: number | undefined;
  #rows: number;
  #failed = 0;

  /** `rowsBefore`: rows that earlier runs wrote, which do not count for the rate. */
  constructor(display: ProgressDisplay, rowsBefore: number) {
    this.#display = display;
    this.#rowsBefore = rowsBefore;
    this.#rows = rowsBefore;
  }

  /** Notes that `rows` rows of the file are read: `share` of it, 0..1. */
  read(rows: number, share: number): void {
    if (share > 0) this.#totalRows = Math.max(rows, Math.round(rows / share));
  }

  /** Notes that `rows` rows are in the output file, `failed` of them without a result. */
  written(rows: number, failed: number): void {
    this.#rows = rows;
    this.#failed = failed;
    this.#display.show(this.facts);
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

/** Between two lines where nobody watches, in ms. */
const LINE_EVERY_MS = 5_000;

/** Where a bar is drawn. */
export type ProgressStream = NodeJS.WritableStream & { isTTY?: boolean; columns?: number };

/** A bar on a terminal, a line every few seconds elsewhere; both on standard error. */
export const progressDisplay = (stream: ProgressStream): ProgressDisplay =>
  stream.isTTY ? drawBar(stream) : writeLines((line) => stream.write(`${line}\n`), LINE_EVERY_MS);

/** A line when a moment has passed since the one before. */
export function writeLines(write: (line: string) => void, everyMs: number): ProgressDisplay {
  let nextMs = Date.now() + everyMs;
  return {
    show(facts) {
      if (Date.now() < nextMs) return;
      nextMs = Date.now() + everyMs;
      write(describe(facts));
    },
    end: () => undefined,
  };
}

/** The progress in one line. */
export function describe(facts: ProgressFacts): string {
  const { rows, failed, totalRows, rowsPerSecond, secondsLeft } = facts;
  return [
    ...(totalRows === undefined ? [] : [`${Math.floor((100 * rows) / Math.max(1, totalRows))} %`]),
    `${count(rows)}${totalRows === undefined ? '' : ` of ${count(totalRows)}`} rows`,
    `${count(rowsPerSecond)} rows/s`,
    ...(secondsLeft === undefined ? [] : [`${duration(secondsLeft)} left`]),
    ...(failed > 0 ? [`${count(failed)} failed`] : []),
  ].join(', ');
}

function drawBar(stream: ProgressStream): ProgressDisplay {
  const bar: GenericBar = new SingleBar({
    stream,
    fps: 10,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
    format: (_options: Options, { progress }: Params, facts: ProgressFacts) =>
      barLine(progress, describe(facts), stream.columns ?? USUAL_COLUMNS),
  });
  let isDrawn = false;
  return {
    show(facts) {
      if (!isDrawn) bar.start(1, 0, facts);
      isDrawn = true;
      bar.setTotal(Math.max(1, facts.totalRows ?? 1));
      bar.update(facts.totalRows === undefined ? 0 : facts.rows, facts);
    },
    end: () => {
      if (isDrawn) bar.stop();
      isDrawn = false;
    },
  };
}
