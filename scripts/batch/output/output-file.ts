import { type FileHandle, open } from 'node:fs/promises';

const BUFFER_CHARS = 1_048_576;

/** A file of results that grows by whole rows, and can be cut back to its last commit. */
export class OutputFile {
  #text = '';

  private constructor(
    private readonly file: FileHandle,
    private bytes: number,
  ) {}

  /** Opens a file and cuts off everything after the committed `bytes`. A file of 0 bytes starts with `head`. */
  static async open(path: string, head: string, bytes: number): Promise<OutputFile> {
    const file = await open(path, bytes === 0 ? 'w' : 'r+');
    await file.truncate(bytes);
    const output = new OutputFile(file, bytes);
    if (bytes === 0) output.#text = head;
    return output;
  }

  /** Adds whole lines. */
  async write(lines: string): Promise<void> {
    this.#text += lines;
    if (this.#text.length > BUFFER_CHARS) await this.#flush();
  }

  /** Puts all lines so far on disk, and resolves to the size that {@link OutputFile.open} needs to go on from here. */
  async commit(): Promise<number> {
    await this.#flush();
    await this.file.datasync();
    return this.bytes;
  }

  close(): Promise<void> {
    return this.file.close();
  }

  async #flush(): Promise<void> {
    const buffer = Buffer.from(this.#text);
    this.#text = '';
    for (let done = 0; done < buffer.length; ) {
      const { bytesWritten } = await this.file.write(buffer, done, buffer.length - done, this.bytes + done);
      done += bytesWritten;
    }
    this.bytes += buffer.length;
  }
}
