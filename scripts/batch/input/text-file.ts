import { createReadStream, statSync } from 'node:fs';
import { messageOf } from '../../../shared/errors.js';
import { InputFileError } from './source.js';

const PIECE_BYTES = 262_144;

/** A piece of a text, and how much of it is read with it, 0..1; 0 while nobody knows. */
export interface TextPiece {
  text: string;
  share: number;
}

/** A text to be read, from its start on at every call of `pieces`. */
export interface TextInput {
  /** For people. */
  name: string;
  /** UTF-8 without its byte order mark. Throws {@link InputFileError}. */
  pieces(): AsyncGenerator<TextPiece, void, undefined>;
}

/** A file. */
export const textFile = (path: string): TextInput => ({
  name: path,
  pieces: () =>
    decoded(path, () => {
      const { size } = statSync(path);
      return { stream: createReadStream(path, { highWaterMark: PIECE_BYTES }), size };
    }),
});

/**
 * A stream, whose pieces come once only: those that the first call of `pieces` took are kept for the second one, which
 * goes on from there.
 */
export function textStream(name: string, stream: AsyncIterable<Uint8Array>): TextInput {
  const kept: TextPiece[] = [];
  const rest = decoded(name, () => ({ stream, size: Number.POSITIVE_INFINITY }));
  let isFirst = true;
  return {
    name,
    async *pieces() {
      const keeps = isFirst;
      isFirst = false;
      for (let piece = kept.shift(); piece; piece = kept.shift()) yield piece;
      for (;;) {
        const next = await rest.next();
        if (next.done) return;
        if (keeps) kept.push(next.value);
        yield next.value;
      }
    },
  };
}

async function* decoded(
  name: string,
  open: () => { stream: AsyncIterable<Uint8Array>; size: number },
): AsyncGenerator<TextPiece, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let bytes = 0;
  const decode = (piece?: Uint8Array): string => {
    try {
      return piece ? decoder.decode(piece, { stream: true }) : decoder.decode();
    } catch (cause) {
      throw new InputFileError(name, `is not UTF-8 text (near byte ${bytes})`, { cause });
    }
  };
  try {
    const { stream, size } = open();
    for await (const piece of stream) {
      bytes += piece.length;
      yield { text: decode(piece), share: Math.min(1, bytes / size) };
    }
    yield { text: decode(), share: 1 };
  } catch (cause) {
    if (cause instanceof InputFileError) throw cause;
    throw new InputFileError(name, `cannot be read: ${messageOf(cause)}`, { cause });
  }
}
