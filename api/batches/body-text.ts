import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf } from '../../shared/errors.js';
import { UploadError } from './upload-error.js';

/** How a body is read. */
export interface BodyTextOptions {
  gzip: boolean;
  /** Largest body after decompression. */
  limitBytes: number;
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
  for await (const piece of options.gzip ? gunzip(request) : pieces(request)) {
    const buffer = piece as Buffer;
    bytes += buffer.length;
    if (bytes > options.limitBytes) {
      throw new UploadError('too_large', `the body is larger than ${options.limitBytes} bytes`);
    }
    options.onBytes?.(buffer);
    yield decode(buffer);
  }
  yield decode();
}

/** A loop that is left early must leave the request alone: its connection still has to carry the answer. */
const pieces = (request: Readable): AsyncIterable<unknown> => request.iterator({ destroyOnReturn: false });

async function* gunzip(request: Readable): AsyncGenerator<Buffer, void, undefined> {
  const unzip = createGunzip();
  request.once('error', (error) => unzip.destroy(error));
  request.once('close', () => {
    if (!request.readableEnded) unzip.destroy();
  });
  request.pipe(unzip);
  try {
    for await (const piece of unzip) yield piece as Buffer;
  } catch (error) {
    if (!isZlibError(error)) throw error;
    throw new UploadError('malformed', `the body is not whole gzip: ${messageOf(error)}`);
  } finally {
    request.unpipe(unzip);
    unzip.destroy();
  }
}

const isZlibError = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && String(error.code).startsWith('Z_');
