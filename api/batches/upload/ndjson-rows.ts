import { messageOf } from '../../../shared/errors.js';
import { ROW_LIMIT_CHARS, type Row, type RowReader, UploadError } from './rows.js';

/** Rows of a step: a line that is not JSON takes some 10 µs. */
const STEP_ROWS = 256;

/** Reads one JSON value a line. Blank lines do not count; a line that is not JSON is an unreadable row. */
export const ndjsonRows: RowReader = async function* (text) {
  /** The beginning of a line whose end has not come. */
  let rest = '';
  let count = 0;
  for await (const piece of text) {
    let rows: Row[] = [];
    let at = 0;
    for (;;) {
      // Blanks are passed over where a line begins: to parse them is a thousand times as much work.
      if (rest === '') at = endOfBlanks(piece, at);
      const end = piece.indexOf('\n', at);
      rest += end < 0 ? piece.slice(at) : piece.slice(at, end);
      if (rest.length > ROW_LIMIT_CHARS) {
        throw new UploadError('too_large', `row ${count} is longer than ${ROW_LIMIT_CHARS} characters`);
      }
      if (end < 0) break;
      rows.push(parseLine(rest));
      rest = '';
      count += 1;
      at = end + 1;
      if (rows.length === STEP_ROWS) {
        yield rows;
        rows = [];
      }
    }
    yield rows;
  }
  if (rest !== '') yield [parseLine(rest)];
};

/** The first place from `at` on without a blank, as JSON defines white space. */
function endOfBlanks(text: string, at: number): number {
  let end = at;
  for (; ; end += 1) {
    const code = text.charCodeAt(end);
    if (code !== 10 && code !== 13 && code !== 32 && code !== 9) return end;
  }
}

function parseLine(line: string): Row {
  try {
    return { value: JSON.parse(line) as unknown, chars: line.length };
  } catch (error) {
    return { unreadable: `is not JSON: ${messageOf(error)}`, chars: line.length };
  }
}
