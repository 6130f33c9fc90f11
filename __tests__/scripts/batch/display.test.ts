import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import {
  describe as describeProgress,
  Progress,
  progressDisplay,
  type ProgressFacts,
  writeLines,
} from '../../../scripts/batch/progress.js';
import { type BatchSummary, summaryLines } from '../../../scripts/batch/summary.js';
import { addFailure, type Tally } from '../../../scripts/batch/tally.js';
import { count, duration } from '../../../scripts/lib/figures.js';
import { barLine } from '../../../scripts/lib/terminal.js';

const facts = (changes: Partial<ProgressFacts> = {}): ProgressFacts => ({
  rows: 480_000,
  failed: 0,
  totalRows: 1_000_000,
  rowsPerSecond: 118_204.4,
  secondsLeft: 4.4,
  ...changes,
});

it.each([
  [0.44, '0.4 s'],
  [9.96, '10 s'],
  [59, '59 s'],
  [200, '3 min 20 s'],
  [7_500, '2 h 5 min'],
])('%d s are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

describe('progress', () => {
  afterEach(() => void jest.useRealTimers());

  it('is told in one line', () => {
    expect(describeProgress(facts({ failed: 17 }))).toBe(
      '48 %, 480,000 of 1,000,000 rows, 118,204 rows/s, 4.4 s left, 17 failed',
    );
    expect(describeProgress(facts({ totalRows: undefined, secondsLeft: undefined }))).toBe(
      '480,000 rows, 118,204 rows/s',
    );
    expect(describeProgress(facts({ rows: 0, totalRows: 0 }))).toContain('0 %');
  });

  it('reckons the rows of a file from the share that is read, and counts none of an earlier run as its own', () => {
    jest.useFakeTimers();
    let shown: ProgressFacts | undefined;
    const progress = new Progress({ show: (seen) => void (shown = seen), end: () => undefined }, 1_000);
    progress.written(1_000, 0);
    expect(shown).toMatchObject({
      rows: 1_000,
      totalRows: undefined,
      rowsPerSecond: 0,
      secondsLeft: undefined,
    });
    progress.read(1_500, 0.25);
    jest.advanceTimersByTime(2_000);
    progress.written(1_200, 3);
    expect(shown).toMatchObject({
      rows: 1_200,
      failed: 3,
      totalRows: 6_000,
      rowsPerSecond: 100,
      secondsLeft: 48,
    });
    progress.read(6_100, 1);
    progress.written(6_100, 3);
    expect(shown).toMatchObject({ totalRows: 6_100, secondsLeft: 0 });
  });

  it('tells no rate before any time has passed, and that nothing is left as soon as that is so', () => {
    jest.useFakeTimers();
    let shown: ProgressFacts | undefined;
    const progress = new Progress({ show: (seen) => void (shown = seen), end: () => undefined }, 0);
    progress.read(100, 0.5);
    progress.written(100, 0);
    expect(shown).toMatchObject({ totalRows: 200, rowsPerSecond: 0, secondsLeft: undefined });
    progress.read(200, 1);
    progress.written(200, 0);
    expect(shown).toMatchObject({ totalRows: 200, rowsPerSecond: 0, secondsLeft: 0 });
  });

  it('is a line now and then where nobody watches', () => {
    const lines: string[] = [];
    const display = writeLines((line) => lines.push(line), 0);
    display.show(facts());
    expect(lines).toEqual([describeProgress(facts())]);
    const rarely = writeLines((line) => lines.push(line), 60_000);
    rarely.show(facts());
    rarely.end();
    expect(lines).toHaveLength(1);
  });

  it('fits on a line of the terminal', () => {
    expect(stripVTControlCharacters(barLine(0.5, describeProgress(facts()), 200))).toBe(
      `  ${'█'.repeat(14)}${'░'.repeat(14)}  ${describeProgress(facts())}`,
    );
    expect(stripVTControlCharacters(barLine(0.5, describeProgress(facts()), 80)).length).toBeLessThan(80);
    expect(
      stripVTControlCharacters(barLine(0.5, describeProgress(facts({ totalRows: undefined })), 10)),
    ).toContain('███░░░  480,000 rows');
  });

  it('is a bar on a terminal that leaves nothing behind', () => {
    const written: string[] = [];
    const sink = new Writable({
      write(piece: Buffer, _encoding, done) {
        written.push(piece.toString());
        done();
      },
    });
    const display = progressDisplay(Object.assign(sink, { isTTY: true }));
    display.end();
    expect(written).toEqual([]);
    display.show(facts());
    display.end();
    display.end();
    expect(written.join('')).toContain('48 %, 480,000 of 1,000,000 rows');
  });
});

describe('a summary', () => {
  const summary = (changes: Partial<BatchSummary> = {}): BatchSummary => ({
    model: 'm 1.0.0',
    mode: 'batch',
    input: 'in.csv',
    out: 'out.csv',
    rows: 1_200,
    succeeded: 1_200,
    failed: 0,
    failures: [],
    seconds: 2.04,
    rows_per_second: 588,
    batches: [],
    ...changes,
  });

  it('is short when all went well', () => {
    expect(summaryLines(summary(), false)).toEqual([
      '✔ 1,200 of 1,200 rows predicted by m 1.0.0 in 2.0 s, 588 rows/s',
      '  out.csv',
    ]);
  });

  it('names the reasons of failures, the most frequent first', () => {
    const tally: Tally = { succeeded: 1_150, failed: 0, failures: [] };
    const failed = (row: number, message: string) => addFailure(tally, row, { code: 'timeout', message });
    failed(7, 'rare');
    for (let row = 8; row < 20; row += 1) failed(row, 'common');
    for (let row = 20; row < 57; row += 1) failed(row, `one of its kind ${row} ${'x'.repeat(100)}`);
    expect(tally).toMatchObject({ succeeded: 1_150, failed: 50 });
    expect(tally.failures).toHaveLength(20);
    const lines = summaryLines(summary({ ...tally, resumed_at_row: 600 }), false);
    expect(lines[0]).toBe(
      '! 1,150 of 1,200 rows predicted by m 1.0.0 in 2.0 s, 588 rows/s, taken up at row 600',
    );
    expect(lines.slice(1, 4)).toEqual([
      '✖ 50 rows failed (the column error says why; rows count from 0)',
      '  12 × timeout: common (first in row 8)',
      '   1 × timeout: rare (first in row 7)',
    ]);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(130);
    expect(lines.at(-2)).toBe('  and more');
  });

  it('compares', () => {
    const accuracy = {
      rows: 900,
      rmse: 5.3678,
      mae: 3.4633,
      unit: 'minutes',
      output: 'duration',
      actual: 'took',
    };
    expect(summaryLines(summary({ accuracy }), false).slice(1, 3)).toEqual([
      '  RMSE 5.3678, MAE 3.4633 minutes over 900 rows',
      '  (duration against took)',
    ]);
  });
});

it('counts with thousands apart', () => {
  expect(count(1_234_567.4)).toBe('1,234,567');
});
