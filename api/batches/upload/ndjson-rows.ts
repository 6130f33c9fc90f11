import { messageOf } from '../../../shared/errors.js';
import type { Manifest } from '../../../shared/model/manifest.js';
import { LINE_FEED, lineBlocks } from './line-blocks.js';
import { RowScanner } from './row-scanner.js';
import { rowLimitCharsOf, type Row, type RowReader, rowTooLong } from './rows.js';

/** Reads one JSON value a line. Blank lines do not count; a line that is not JSON is an unreadable row. */
export const ndjsonRows = (manifest: Manifest): RowReader => {
  const scanner = RowScanner.for(manifest);
  const limitChars = rowLimitCharsOf(manifest);
  return async function* (body) {
    for await (const block of lineBlocks(body, limitChars)) yield rowsOf(block, scanner, limitChars);
  };
};

function* rowsOf(
  block: Buffer,
  scanner: RowScanner | undefined,
  limitChars: number,
): Generator<Row, void, undefined> {
  const plain = { value: scanner?.row, chars: 0 };
  for (let at = endOfBlanks(block, 0); at < block.length; ) {
    const scanned = scanner ? scanner.readObject(block, at) : -1;
    const end = scanned < 0 ? endOfLine(block, at) : scanned;
    plain.chars = end - at;
    const row = scanned < 0 ? parseLine(block.toString('utf8', at, end)) : plain;
    if (row.chars > limitChars) throw rowTooLong(limitChars);
    yield row;
    at = endOfBlanks(block, end);
  }
}

function endOfLine(block: Buffer, at: number): number {
  const end = block.indexOf(LINE_FEED, at);
  return end < 0 ? block.length : end;
}

/** The first place from `at` on without a blank, as JSON defines white space. */
function endOfBlanks(block: Buffer, at: number): number {
  let end = at;
  for (; end < block.length; end += 1) {
    const code = block[end];
    if (code !== 10 && code !== 13 && code !== 32 && code !== 9) break;
  }
  return end;
}

function parseLine(line: string): Row {
  try {
    return { value: JSON.parse(line) as unknown, chars: line.length };
  } catch (error) {
    return { unreadable: `is not JSON: ${messageOf(error)}`, chars: line.length };
  }
}
