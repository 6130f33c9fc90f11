import type { SourcePage } from '../input/source.js';
import type { OutcomeTaker, Output, TextFormat } from './output-format.js';
import type { Sink } from './sink.js';

const BUFFER_CHARS = 1_048_576;

/** An output of lines. */
export class TextOutput implements Output {
  readonly isWhole = true;
  #text = '';

  constructor(
    private readonly sink: Sink,
    private readonly format: TextFormat,
  ) {
    if (sink.bytes === 0) this.#text = format.head;
  }

  rowsOf(page: SourcePage): OutcomeTaker<void> {
    const line = this.format.lines(page);
    return (...outcome) => {
      this.#text += line(...outcome);
    };
  }

  async flush(): Promise<void> {
    if (this.#text.length > BUFFER_CHARS) await this.#write();
  }

  async commit(): Promise<number> {
    await this.#write();
    await this.sink.sync();
    return this.sink.bytes;
  }

  async finish(): Promise<void> {
    await this.commit();
  }

  notes(): string[] {
    const { leftOut } = this.format;
    return leftOut.size === 0
      ? []
      : [`no columns ${[...leftOut].join(', ')}, which only later rows have: --out x.ndjson keeps them`];
  }

  async #write(): Promise<void> {
    if (this.#text !== '') await this.sink.write(Buffer.from(this.#text));
    // Not before: lines that could not be written are written at the next try.
    this.#text = '';
  }
}
