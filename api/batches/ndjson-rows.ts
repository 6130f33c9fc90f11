import { messageOf } from '../../shared/errors.js';
import { ROW_LIMIT_CHARS, type Row, type RowReader } from './rows.js';
import { UploadError } from './upload-error.js';

/** Reads one JSON value a line. Empty lines do not count; a line that is not JSON is an unreadable row. */
export const ndjsonRows: RowReader = async function* (text) {
  let rest = '';
  let lines = 0;
  for await (const piece of text) {
    const parts = (rest + piece).split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > ROW_LIMIT_CHARS) throw tooLong(lines + parts.length + 1);
    const rows: Row[] = [];
    for (const line of parts) {
      lines += 1;
      if (line.length > ROW_LIMIT_CHARS) throw tooLong(lines);
      const row = parseLine(line);
      if (row) rows.push(row);
    }
    yield rows;
  }
  const last = parseLine(rest);
  if (last) yield [last];
};

function parseLine(line: string): Row | undefined {
  try {
    return { value: JSON.parse(line) as unknown };
  } catch (error) {
    return line.trim() === '' ? undefined : { unreadable: `is not JSON: ${messageOf(error)}` };
  }
}

const tooLong = (line: number): UploadError =>
  new UploadError('too_large', `line ${line} is longer than ${ROW_LIMIT_CHARS} characters`);
