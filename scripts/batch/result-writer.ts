import type { BatchRow, BatchRowError } from '../../shared/contract/batch.js';
import { addError } from './accuracy.js';
import type { Checkpoint } from './checkpoint.js';
import type { OutcomeTaker, Output } from './output/output-format.js';
import type { Part } from './part.js';
import { addFailure } from './tally.js';

/** Least time between two checkpoints, in ms. */
const CHECKPOINT_EVERY_MS = 1_000;

/** Writes rows with their outcomes, counts them, and keeps the checkpoint up with the file. */
export class ResultWriter {
  readonly tally;
  readonly accuracy;
  /** The page whose rows are being written: those of its part up to `end` are in it. */
  #page: { part: Part; at: number; end: number; take: OutcomeTaker<void> } | undefined;
  #partRow: number;
  #savedMs = 0;

  /** `comparedOutput`: the model's output that is compared with the actual value; undefined when nothing is compared. */
  constructor(
    private readonly output: Output,
    private readonly checkpoint: Checkpoint,
    private readonly comparedOutput: string | undefined,
  ) {
    const { progress } = checkpoint.run;
    this.tally = structuredClone(progress.tally);
    this.accuracy = structuredClone(progress.accuracy);
    this.#partRow = progress.partRow;
  }

  /** Rows so far, those of earlier runs included. */
  get rows(): number {
    return this.tally.succeeded + this.tally.failed;
  }

  /** Writes outcomes of a part that follow on what is written. Their rows are numbered within the part. */
  async write(part: Part, outcomes: readonly BatchRow[]): Promise<void> {
    for (let at = 0; at < outcomes.length; ) {
      at = this.#take(part, outcomes, at);
      await this.output.flush();
      if (Date.now() - this.#savedMs >= CHECKPOINT_EVERY_MS) await this.commit();
    }
  }

  /** Puts all rows so far on disk and notes them in the checkpoint, if the output can be left as it is. */
  async commit(): Promise<void> {
    if (!this.output.isWhole) return;
    this.checkpoint.save({
      outputBytes: await this.output.commit(),
      partRow: this.#partRow,
      rows: this.rows,
      tally: this.tally,
      accuracy: this.accuracy,
    });
    this.#savedMs = Date.now();
  }

  /** Takes the outcomes from `first` on whose rows are in one page. Returns the place of the first that is not. */
  #take(part: Part, outcomes: readonly BatchRow[], first: number): number {
    const page = this.#pageOf(part, outcomes[first]?.row ?? 0);
    let at = first;
    for (; at < outcomes.length; at += 1) {
      const outcome = outcomes[at];
      if (!outcome || outcome.row >= page.end) break;
      const error = errorOf(part, outcome);
      page.take(outcome.row + page.at, outcome, error);
      if (error) {
        addFailure(this.tally, part.firstRow + outcome.row, error);
        continue;
      }
      this.tally.succeeded += 1;
      if (part.actual) {
        addError(this.accuracy, outcome[this.comparedOutput ?? ''], part.actual[outcome.row] ?? Number.NaN);
      }
    }
    return at;
  }

  #pageOf(part: Part, row: number) {
    this.#partRow = part.firstRow;
    if (this.#page?.part === part && row < this.#page.end) return this.#page;
    const inFile = part.firstRow + row;
    const page = part.pages.find(({ firstRow, length }) => inFile < firstRow + length);
    if (!page) throw new RangeError(`row ${inFile} is in no page of its part`);
    this.#page = {
      part,
      at: part.firstRow - page.firstRow,
      end: page.firstRow + page.length - part.firstRow,
      take: this.output.rowsOf(page),
    };
    return this.#page;
  }
}

/** A problem found before a row was sent says more than the server's error about the `null` sent in its place. */
const errorOf = (part: Part, outcome: BatchRow): BatchRowError | undefined =>
  part.problems.get(outcome.row) ?? outcome.error;
