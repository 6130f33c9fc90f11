import { isUtf8 } from 'node:buffer';
import { notUtf8, MOST_BYTES_A_CHAR, rowTooLong } from './rows.js';

export const LINE_FEED = 10;

const BYTE_ORDER_MARK = Buffer.from('\uFEFF');

/**
 * The lines of a body without its byte order mark, those together that one piece completes: each block ends with a line
 * feed, but for the last one. Throws an UploadError where a line is too long for a row, or a block is not UTF-8.
 */
export async function* lineBlocks(
  body: AsyncIterable<Buffer>,
  lineLimitChars: number,
): AsyncGenerator<Buffer, void, undefined> {
  /** The beginning of a line whose end has not come. */
  let rest: Buffer[] = [];
  let restBytes = 0;
  let isFirst = true;
  const blockOf = (end: Buffer): Buffer => {
    const block = rest.length === 0 ? end : Buffer.concat([...rest, end]);
    if (!isUtf8(block)) throw notUtf8();
    const hasMark = isFirst && block.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
    isFirst = false;
    return hasMark ? block.subarray(BYTE_ORDER_MARK.length) : block;
  };
  for await (const piece of body) {
    const end = piece.lastIndexOf(LINE_FEED) + 1;
    if (end > 0) {
      yield blockOf(piece.subarray(0, end));
      rest = [];
      restBytes = 0;
    }
    rest.push(piece.subarray(end));
    restBytes += piece.length - end;
    if (restBytes > MOST_BYTES_A_CHAR * lineLimitChars) throw rowTooLong(lineLimitChars);
  }
  if (restBytes > 0) yield blockOf(Buffer.alloc(0));
}
