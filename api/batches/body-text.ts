import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf } from '../../shared/errors.js';
import { UploadError } from './upload-error.js';

/** How a body is read. */
export interface BodyTextOptions {
  gzip: boolean;
  /** Largest body after decompression. */
  limitBytes: number;
  /** Longest silence of the sender while more of the body is wanted. */
  idleMs: number;
  /** Told of every piece of the decompressed body, for a fingerprint. */
  onBytes?: (bytes: Buffer) => void;
}

/**
 * The text of a body as it arrives: decompressed, bounded, checked to be UTF-8. Reading pauses the sender while the
 * consumer is busy. Throws {@link UploadError}; what the socket throws passes through.
 */
export async function* bodyText(
  request: Readable,
  options: BodyTextOptions,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let bytes = 0;
  const decode = (piece?: Buffer): string => {
    try {
      return piece ? decoder.decode(piece, { stream: true }) : decoder.decode();
    } catch {
      throw new UploadError('malformed', `the body is not UTF-8 (near byte ${bytes})`);
    }
  };
  for await (const piece of options.gzip
    ? gunzip(request, options.idleMs)
    : pieces(request, options.idleMs)) {
    const buffer = piece;
    bytes += buffer.length;
    if (bytes > options.limitBytes) {
      throw new UploadError('too_large', `the body is larger than ${options.limitBytes} bytes`);
    }
    options.onBytes?.(buffer);
    yield decode(buffer);
  }
  yield decode();
}

/** A loop that is left early leaves the request alone: its connection still has to carry the answer. */
async function* pieces(request: Readable, idleMs: number): AsyncGenerator<Buffer, void, undefined> {
  const arriving = request.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      const next: IteratorResult<unknown> = await within(idleMs, arriving.next());
      if (next.done) return;
      yield next.value as Buffer;
    }
  } finally {
    // Not waited for: a sender that has stalled keeps it until the connection is gone.
    arriving.return?.().catch(() => undefined);
  }
}

/** Rejects when nothing came for so long. Time that the consumer takes between two pieces does not count. */
function within<T>(idleMs: number, coming: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stalled = setTimeout(
      () => reject(new UploadError('stalled', `nothing of the body came for ${idleMs} ms`)),
      idleMs,
    );
    coming.then(resolve, reject).finally(() => clearTimeout(stalled));
  });
}

async function* gunzip(request: Readable, idleMs: number): AsyncGenerator<Buffer, void, undefined> {
  const unzip = createGunzip();
  // Whatever ends the one ends the other, with the same error.
  pipeline(Readable.from(pieces(request, idleMs)), unzip, () => undefined);
  try {
    for await (const piece of unzip) yield piece as Buffer;
  } catch (error) {
    if (!isZlibError(error)) throw error;
    throw new UploadError('malformed', `the body is not whole gzip: ${messageOf(error)}`);
  }
}

const isZlibError = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && String(error.code).startsWith('Z_');
