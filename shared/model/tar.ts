/** Bounds of an archive, and what takes its files. */
export interface TarOptions {
  /** All bytes of the archive, unpacked. */
  limitBytes: number;
  /** Writes a file; `path` is relative, in plain names, and stays below the folder. */
  write: (path: string, content: Uint8Array) => Promise<void>;
}

const BLOCK_BYTES = 512;
const MOST_ENTRIES = 10_000;
/** Names of folders and files that are taken, by POSIX's portable set without a leading hyphen or dot. */
const PATH = /^(\.\/)?([A-Za-z0-9_][\w.-]*\/)*[A-Za-z0-9_][\w.-]*\/?$/;

/**
 * Reads an archive in the format ustar (IEEE 1003.1, `pax`), file by file. Throws at whatever is neither a regular file nor
 * a folder (links, devices, names of more than 255 characters), at a path that could leave the folder, and past the bounds.
 */
export async function unpackTar(
  parts: AsyncIterable<Uint8Array>,
  { limitBytes, write }: TarOptions,
): Promise<void> {
  const reader = new Reader(parts, limitBytes);
  for (let entries = 0; ; ) {
    const header = await reader.take(BLOCK_BYTES);
    // The end is a block of zeros.
    if (header.every((byte) => byte === 0)) return reader.drain();
    entries += 1;
    if (entries > MOST_ENTRIES) throw new Error(`it has more than ${MOST_ENTRIES} entries`);
    const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
    if (octal(header, 148, 8) !== sum) throw new Error('it is no tar archive, or a damaged one');
    const prefix = text(header, 257, 6) === 'ustar' ? text(header, 345, 155) : '';
    const path = prefix === '' ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`;
    const sizeBytes = octal(header, 124, 12);
    const type = text(header, 156, 1);
    const content = await reader.take(Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES);
    if (type === 'g' || type === 'x') {
      if (/^\d+ (path|linkpath|size)=/m.test(content.toString('latin1'))) {
        throw new Error('a name in it is too long, or has other characters than ASCII');
      }
      continue;
    }
    if (type === '5' && (path === './' || path === '.')) continue;
    if (!PATH.test(path)) throw new Error(`it has a path that is not taken: ${JSON.stringify(path)}`);
    if (type === '5') continue;
    if (type !== '0' && type !== '') throw new Error(`${path} is a link or a special file`);
    await write(path, content.subarray(0, sizeBytes));
  }
}

/** A text field: it ends at its first zero. */
function text(header: Buffer, at: number, length: number): string {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString('latin1', 0, end < 0 ? length : end);
}

/** A number in octal digits. Throws where there is none. */
function octal(header: Buffer, at: number, length: number): number {
  const digits = text(header, at, length).trim();
  if (!/^[0-7]{1,11}$/.test(digits)) throw new Error('it is no tar archive, or a damaged one');
  return Number.parseInt(digits, 8);
}

/** Takes counted bytes from a stream. */
class Reader {
  readonly #parts: AsyncIterator<Uint8Array>;
  readonly #limitBytes: number;
  #rest = Buffer.alloc(0);
  #takenBytes = 0;

  constructor(parts: AsyncIterable<Uint8Array>, limitBytes: number) {
    this.#parts = parts[Symbol.asyncIterator]();
    this.#limitBytes = limitBytes;
  }

  async take(count: number): Promise<Buffer> {
    this.#count(count);
    const pieces = [this.#rest];
    let length = this.#rest.length;
    while (length < count) {
      const { value, done } = await this.#parts.next();
      if (done) throw new Error('it ends too early');
      pieces.push(Buffer.from(value));
      length += value.length;
    }
    const all = pieces.length === 1 ? this.#rest : Buffer.concat(pieces);
    this.#rest = all.subarray(count);
    return all.subarray(0, count);
  }

  /** What follows the end is padding. Reads it, so that its source comes to an end. */
  async drain(): Promise<void> {
    for (;;) {
      const { value, done } = await this.#parts.next();
      if (done) return;
      this.#count(value.length);
    }
  }

  #count(bytes: number): void {
    this.#takenBytes += bytes;
    if (this.#takenBytes <= this.#limitBytes) return;
    throw new Error(`it unpacks to more than ${this.#limitBytes} bytes`);
  }
}
