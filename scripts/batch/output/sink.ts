import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';

/** Where the bytes of an output go. */
export interface Sink {
  /** Its length so far. */
  readonly bytes: number;
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves once all bytes so far are safe. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** A file that can be cut back to a length that it had. */
export class FileSink implements Sink {
  private constructor(
    private readonly file: FileHandle,
    public bytes: number,
  ) {}

  /** Opens a file and cuts off everything after the first `bytes`. */
  static async open(path: string, bytes: number): Promise<FileSink> {
    const file = await open(path, bytes === 0 ? 'w' : 'r+');
    await file.truncate(bytes);
    return new FileSink(file, bytes);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.file.write(bytes, done, bytes.length - done, this.bytes + done);
      done += bytesWritten;
    }
    this.bytes += bytes.length;
  }

  sync(): Promise<void> {
    return this.file.datasync();
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

/** A stream that others read, such as standard output. Writes wait for the reader, and reject once he has left. */
export class StreamSink implements Sink {
  bytes = 0;
  #failure: Error | undefined;

  constructor(private readonly stream: NodeJS.WritableStream) {
    stream.on('error', (error: Error) => (this.#failure = error));
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure;
    this.bytes += bytes.length;
    if (!this.stream.write(bytes)) await once(this.stream, 'drain');
  }

  async sync(): Promise<void> {
    await new Promise<void>((done, reject) => {
      this.stream.write('', (error) => (error ? reject(error) : done()));
    });
  }

  async close(): Promise<void> {}
}
