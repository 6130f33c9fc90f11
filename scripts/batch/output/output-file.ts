import { existsSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { isRecord } from '../../../shared/text/is-record.js';
import { copyWithErrorColumn } from './error-column.js';
import type { OutputFormat } from './output-format.js';

/** How much of an output file counts, and what it looks like. */
export interface OutputState {
  /** Bytes that are whole rows and on disk. */
  bytes: number;
  hasErrorColumn: boolean;
  /** A copy under {@link copyPath} is to take the file's place. */
  isReplacing: boolean;
}

export const FRESH_OUTPUT: OutputState = { bytes: 0, hasErrorColumn: false, isReplacing: false };

/** Where the file is written anew, beside it. */
const copyPath = (path: string): string => `${path}.new`;

const BUFFER_CHARS = 1_048_576;

/** A file of results that grows by whole rows, and can be cut back to what was committed. */
export class OutputFile {
  #text = '';

  private constructor(
    private readonly path: string,
    private file: FileHandle,
    private readonly state: OutputState,
  ) {}

  /** Opens a file where `state` left it; what was written after that is cut off. A fresh one starts with its header. */
  static async open(path: string, format: OutputFormat, state: OutputState): Promise<OutputFile> {
    // No copy: it has taken the place already.
    if (state.isReplacing && existsSync(copyPath(path))) await rename(copyPath(path), path);
    const file = await open(path, state.bytes === 0 ? 'w' : 'r+');
    await file.truncate(state.bytes);
    const output = new OutputFile(path, file, { ...state, isReplacing: false });
    if (state.bytes === 0) output.#text = format.head(false);
    return output;
  }

  get hasErrorColumn(): boolean {
    return this.state.hasErrorColumn;
  }

  /** Adds whole lines. */
  async write(lines: string): Promise<void> {
    this.#text += lines;
    if (this.#text.length > BUFFER_CHARS) await this.#flush();
  }

  /** Puts everything written so far on disk, and resolves to what {@link OutputFile.open} needs to go on from here. */
  async commit(): Promise<OutputState> {
    await this.#flush();
    await this.file.datasync();
    return { ...this.state };
  }

  /**
   * Gives every row written so far an empty cell for an error. `onCopied` is told of the state to go on from, before
   * the copy takes the place of the file.
   */
  async addErrorColumn(format: OutputFormat, onCopied: (state: OutputState) => Promise<void>): Promise<void> {
    await this.#flush();
    const head = { before: format.head(false), after: format.head(true) };
    if (head.after !== head.before) {
      this.state.bytes = await copyWithErrorColumn(this.path, copyPath(this.path), head);
      await onCopied({ ...this.state, hasErrorColumn: true, isReplacing: true });
      await this.file.close();
      await rename(copyPath(this.path), this.path);
      this.file = await open(this.path, 'r+');
    }
    this.state.hasErrorColumn = true;
  }

  close(): Promise<void> {
    return this.file.close();
  }

  async #flush(): Promise<void> {
    const buffer = Buffer.from(this.#text);
    this.#text = '';
    for (let done = 0; done < buffer.length; ) {
      const { bytesWritten } = await this.file.write(
        buffer,
        done,
        buffer.length - done,
        this.state.bytes + done,
      );
      done += bytesWritten;
    }
    this.state.bytes += buffer.length;
  }
}

/** Whether a value read from a file is an {@link OutputState}. */
export const isOutputState = (value: unknown): value is OutputState =>
  isRecord(value) &&
  typeof value['bytes'] === 'number' &&
  typeof value['hasErrorColumn'] === 'boolean' &&
  typeof value['isReplacing'] === 'boolean';
