import { type GenericBar, type Options, type Params, SingleBar } from 'cli-progress';
import { count, duration } from './figures.js';
import type { ProgressFacts } from './progress.js';

/** Between two lines where nobody watches, in ms. */
const LINE_EVERY_MS = 5_000;

/** Tells a person how far a run is. */
export interface ProgressBar {
  show(facts: ProgressFacts): void;
  end(): void;
}

/** Where a bar is drawn. */
export type ProgressStream = NodeJS.WritableStream & { isTTY?: boolean; columns?: number };

/** A bar on a terminal, a line every few seconds elsewhere; both on standard error. */
export const progressDisplay = (stream: ProgressStream): ProgressBar =>
  stream.isTTY ? drawBar(stream) : writeLines((line) => stream.write(`${line}\n`), LINE_EVERY_MS);

/** A line when a moment has passed since the one before. */
export function writeLines(write: (line: string) => void, everyMs: number): ProgressBar {
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

/** How far it is, in one line. */
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

function drawBar(stream: ProgressStream): ProgressBar {
  const bar: GenericBar = new SingleBar({
    stream,
    fps: 10,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
    format: (_options: Options, { progress }: Params, facts: ProgressFacts) =>
      barLine(progress, facts, stream.columns ?? MOST_COLUMNS),
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

const MOST_COLUMNS = 120;
const BAR_WIDTH = { least: 6, most: 28 } as const;

/** A line that fits: the bar gives way to the figures. */
export function barLine(progress: number, facts: ProgressFacts, columns: number): string {
  const text = describe(facts);
  const width = Math.max(BAR_WIDTH.least, Math.min(BAR_WIDTH.most, columns - text.length - 5));
  const filled = Math.round(width * progress);
  return `  \u001b[36m${'█'.repeat(filled)}\u001b[2m${'░'.repeat(width - filled)}\u001b[0m  ${text}`;
}
