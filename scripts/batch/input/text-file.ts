import { createReadStream, statSync } from 'node:fs';
import { messageOf } from '../../../shared/errors.js';
import { InputFileError } from './source.js';

const PIECE_BYTES = 262_144;

/** A piece of a text file, and how much of the file is read with it, 0..1. */
export interface TextPiece {
  text: string;
  share: number;
}

/** A UTF-8 file in pieces, without its byte order mark. Throws {@link InputFileError}. */
export async function* readTextFile(path: string): AsyncGenerator<TextPiece, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let bytes = 0;
  const decode = (piece?: Buffer): string => {
    try {
      return piece ? decoder.decode(piece, { stream: true }) : decoder.decode();
    } catch (cause) {
      throw new InputFileError(path, `is not UTF-8 text (near byte ${bytes})`, { cause });
    }
  };
  try {
    const size = statSync(path).size;
    for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) {
      bytes += (piece as Buffer).length;
      yield { text: decode(piece as Buffer), share: Math.min(1, bytes / size) };
    }
    yield { text: decode(), share: 1 };
  } catch (cause) {
    if (cause instanceof InputFileError) throw cause;
    throw new InputFileError(path, `cannot be read: ${messageOf(cause)}`, { cause });
  }
}
