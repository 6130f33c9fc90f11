import { count, duration } from '../lib/figures.js';
import { styleFor } from '../lib/terminal.js';
import { STANDARD } from './input/open-source.js';
import type { FailureCount } from './tally.js';

/** Summary of a run; with `--json`, the document as it is printed. */
export interface BatchSummary {
  model: string;
  mode: 'batch' | 'jobs';
  input: string;
  out: string;
  /** Rows of the output file. */
  rows: number;
  succeeded: number;
  failed: number;
  failures: FailureCount[];
  /** Of this run, and its rows in each of them. */
  seconds: number;
  rows_per_second: number;
  /** First row of this run, where an earlier one had begun. */
  resumed_at_row?: number;
  /** Batches of this run. */
  batches: string[];
  /** Results against what happened, in the unit of the output. */
  accuracy?: { rows: number; rmse: number; mae: number; unit: string; output: string; actual: string };
}

/** The lines for a person. */
export function summaryLines(summary: BatchSummary, isTerminal: boolean): string[] {
  const { rows, succeeded, failed, failures, seconds, rows_per_second: rate, accuracy } = summary;
  const style = styleFor(isTerminal);
  const faint = (text: string): string => style.faint(text);
  const resumed =
    summary.resumed_at_row === undefined ? '' : `, taken up at row ${count(summary.resumed_at_row)}`;
  return [
    `${succeeded === rows ? '✔' : '!'} ${count(succeeded)} of ${count(rows)} rows predicted by ${summary.model} ` +
      faint(`in ${duration(seconds)}, ${count(rate)} rows/s${resumed}`),
    ...failureLines(failed, failures, faint),
    ...(accuracy === undefined
      ? []
      : [
          `  RMSE ${accuracy.rmse.toFixed(4)}, MAE ${accuracy.mae.toFixed(4)} ${accuracy.unit && `${accuracy.unit} `}over ${count(accuracy.rows)} rows`,
          faint(`  (${accuracy.output} against ${accuracy.actual})`),
        ]),
    ...(summary.out === STANDARD ? [] : [`  ${summary.out}`]),
  ];
}

const SHOWN_FAILURES = 5;

function failureLines(failed: number, failures: FailureCount[], faint: (text: string) => string): string[] {
  if (failed === 0) return [];
  const shown = failures.toSorted((a, b) => b.rows - a.rows).slice(0, SHOWN_FAILURES);
  const width = Math.max(...shown.map(({ rows }) => count(rows).length));
  return [
    `✖ ${count(failed)} ${failed === 1 ? 'row' : 'rows'} failed ${faint('(the column error says why; rows count from 0)')}`,
    ...shown.map(
      ({ rows, reason, first_row: firstRow }) =>
        `  ${count(rows).padStart(width)} × ${shortened(reason)} ${faint(`(first in row ${firstRow})`)}`,
    ),
    ...(failures.length > SHOWN_FAILURES ? ['  and more'] : []),
  ];
}

const MOST_CHARS = 90;

const shortened = (text: string): string =>
  text.length <= MOST_CHARS ? text : `${text.slice(0, MOST_CHARS - 1)}…`;
