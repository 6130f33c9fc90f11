import { type DuplexOptions, pipeline, Readable } from 'node:stream';
import { createGunzip, type ZlibOptions } from 'node:zlib';
import { messageOf } from '../../../shared/errors.js';
import { errorCode } from '../../../shared/system-error.js';
import { UploadError } from './rows.js';

/** Bounds of a body, and the hooks into its reading. */
export interface BodyOptions {
  gzip: boolean;
  /** Largest body after decompression. */
  limitBytes: number;
  /** Longest silence of the sender while more of the body is wanted. */
  idleMs: number;
  /** Aborted with the reason once the body is not wanted any more: it is not read on. */
  signal: AbortSignal;
  /** Called with every piece of the decompressed body, for a fingerprint. */
  onBytes?: ((bytes: Buffer) => void) | undefined;
}

/** Length of one step of reading, in bytes: even JSON is read at a few hundred ns a byte. */
const STEP_BYTES = 16_384;

/**
 * A body as it arrives, in pieces of a few KiB: decompressed and bounded. Reading pauses the sender while the consumer is
 * busy. Throws {@link UploadError}, errors of the socket, and the reason of `signal`.
 */
export async function* bodyPieces(
  request: Readable,
  options: BodyOptions,
): AsyncGenerator<Buffer, void, undefined> {
  let bytes = 0;
  for await (const piece of options.gzip ? gunzip(request, options) : pieces(request, options)) {
    for (let at = 0; at < piece.length; at += STEP_BYTES) {
      options.signal.throwIfAborted();
      const step = piece.subarray(at, at + STEP_BYTES);
      bytes += step.length;
      if (bytes > options.limitBytes) throw tooLarge(options);
      options.onBytes?.(step);
      yield step;
    }
  }
}

const tooLarge = ({ limitBytes }: BodyOptions): UploadError =>
  new UploadError('too_large', `the body is larger than ${limitBytes} bytes`);

/**
 * The pieces of a request. The limit of the decompressed body holds for them too, because a gzip of any length may hold
 * nothing. A loop that ends early does not destroy the request, whose connection still has to carry the answer.
 */
async function* pieces(request: Readable, options: BodyOptions): AsyncGenerator<Buffer, void, undefined> {
  let bytes = 0;
  const arriving = request.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      const next = await within(options, arriving.next() as Promise<IteratorResult<Buffer>>);
      if (next.done) return;
      bytes += next.value.length;
      if (bytes > options.limitBytes) throw tooLarge(options);
      yield next.value;
    }
  } finally {
    // Not awaited: with a stalled sender it settles only when the connection is gone.
    arriving.return?.().catch(() => undefined);
  }
}

/** Rejects when nothing came within `idleMs`, or `signal` is aborted. The consumer's time between two pieces does not count. */
function within<T>({ idleMs, signal }: BodyOptions, coming: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(stalled);
      signal.removeEventListener('abort', leave);
    };
    const leave = (): void => {
      settle();
      reject(signal.reason as Error);
    };
    const stalled = setTimeout(
      () => reject(new UploadError('stalled', `nothing of the body came for ${idleMs} ms`)),
      idleMs,
    );
    signal.addEventListener('abort', leave);
    coming.then(resolve, reject).finally(settle);
    if (signal.aborted) leave();
  });
}

/**
 * Bytes that are read ahead, so that a client that leaves is noticed while its upload is unpacked: they unpack to a
 * thousand times as many.
 */
const READ_AHEAD: ZlibOptions & DuplexOptions = { writableHighWaterMark: 262_144 };

async function* gunzip(request: Readable, options: BodyOptions): AsyncGenerator<Buffer, void, undefined> {
  const unzip = createGunzip(READ_AHEAD);
  // The end of either stream ends the other, with the same error.
  pipeline(Readable.from(pieces(request, options)), unzip, () => undefined);
  try {
    for await (const piece of unzip) yield piece as Buffer;
  } catch (error) {
    if (!isZlibError(error)) throw error;
    throw new UploadError('malformed', `the body is not whole gzip: ${messageOf(error)}`);
  }
}

const isZlibError = (error: unknown): boolean => String(errorCode(error)).startsWith('Z_');
