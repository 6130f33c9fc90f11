/** Rows of a block. */
const BLOCK_ROWS = 1_000;

/**
 * One text a row, kept as few long ones: a hundred thousand short strings that stay for a while cost more in garbage
 * collection than all else that is done with a row. No text may hold a line feed of its own where `blocks` matter.
 */
export class RowTexts {
  readonly #blocks: string[] = [];
  /** Where each row starts in its block. */
  readonly #starts: number[] = [];
  #open: string[] = [];
  #openChars = 0;

  static of(texts: Iterable<string>): RowTexts {
    const rows = new RowTexts();
    for (const text of texts) rows.add(text);
    return rows;
  }

  get length(): number {
    return this.#starts.length;
  }

  add(text: string): void {
    this.#starts.push(this.#openChars);
    this.#open.push(text);
    this.#openChars += text.length + 1;
    if (this.#open.length === BLOCK_ROWS) this.#close();
  }

  /** The text of one row. */
  at(row: number): string {
    const block = Math.floor(row / BLOCK_ROWS);
    const text = this.#blocks[block];
    if (text === undefined) return this.#open[row % BLOCK_ROWS] ?? '';
    const isLast = row % BLOCK_ROWS === BLOCK_ROWS - 1;
    return text.slice(this.#starts[row], (isLast ? text.length : (this.#starts[row + 1] ?? 0)) - 1);
  }

  /** All rows, each ended by a line feed. */
  *blocks(): Generator<string, void, undefined> {
    yield* this.#blocks;
    if (this.#open.length > 0) yield `${this.#open.join('\n')}\n`;
  }

  #close(): void {
    this.#blocks.push(`${this.#open.join('\n')}\n`);
    this.#open = [];
    this.#openChars = 0;
  }
}
