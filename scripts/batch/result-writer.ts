import type { BatchRow, BatchRowError } from '../../shared/contract/batch.js';
import { Accuracy } from './accuracy.js';
import type { Checkpoint } from './checkpoint.js';
import type { OutputFile } from './output/output-file.js';
import type { OutputFormat } from './output/output-format.js';
import type { Part } from './part.js';
import { Tally } from './tally.js';

/** Where results go. */
export interface ResultWriterOptions {
  file: OutputFile;
  format: OutputFormat;
  checkpoint: Checkpoint;
  /** The output that is compared with the actual value. */
  comparedOutput: string;
  /** Least time between two checkpoints, in ms. */
  checkpointEveryMs: number;
}

/** Writes rows with their outcomes, counts them, and keeps the checkpoint up with the file. */
export class ResultWriter {
  readonly tally: Tally;
  readonly accuracy: Accuracy;
  #partRow: number;
  #savedMs = 0;

  constructor(private readonly options: ResultWriterOptions) {
    const { progress } = options.checkpoint.run;
    this.tally = new Tally(progress.tally);
    this.accuracy = new Accuracy(progress.accuracy);
    this.#partRow = progress.partRow;
  }

  /** Rows in the file, those of earlier runs included. */
  get rows(): number {
    return this.tally.rows;
  }

  /** Writes outcomes of a part that follow on what is written. Their rows are numbered within the part. */
  async write(part: Part, outcomes: readonly BatchRow[]): Promise<void> {
    this.#partRow = part.firstRow;
    await this.options.file.write(this.#linesOf(part, outcomes));
    if (Date.now() - this.#savedMs >= this.options.checkpointEveryMs) await this.commit();
  }

  /** Puts all rows so far on disk and notes them in the checkpoint. */
  async commit(): Promise<void> {
    this.options.checkpoint.save({
      partRow: this.#partRow,
      rows: this.rows,
      outputBytes: await this.options.file.commit(),
      tally: this.tally.state,
      accuracy: this.accuracy.state,
    });
    this.#savedMs = Date.now();
  }

  #linesOf(part: Part, outcomes: readonly BatchRow[]): string {
    const { format, comparedOutput } = this.options;
    let lines = '';
    for (const outcome of outcomes) {
      const carried = part.carried.at(outcome.row);
      const error = errorOf(part, outcome);
      if (error) {
        lines += format.failed(carried, error);
        this.tally.failed(part.firstRow + outcome.row, error);
        continue;
      }
      lines += format.succeeded(carried, outcome);
      this.tally.succeeded();
      if (part.actual) this.accuracy.add(outcome[comparedOutput], part.actual[outcome.row] ?? Number.NaN);
    }
    return lines;
  }
}

/** A problem found before a row was sent says more than the server's error about the `null` sent in its place. */
const errorOf = (part: Part, outcome: BatchRow): BatchRowError | undefined =>
  part.problems.get(outcome.row) ?? outcome.error;
