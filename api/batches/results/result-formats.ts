import { csvCell, rowErrorText } from '../../../shared/text/cells.js';
import type { ResultRow } from './result-rows.js';

/** A format of results. */
export interface ResultFormat {
  mediaType: string;
  /** The first line, if any. */
  head: string;
  /** Lines of one chunk. */
  lines(rows: readonly ResultRow[]): string;
}

/** One JSON object a line: `{"row":0,"duration":12.9}`, or `{"row":7,"error":{...}}`. */
export const ndjsonResults: ResultFormat = {
  mediaType: 'application/x-ndjson',
  head: '',
  lines(rows) {
    let text = '';
    for (const row of rows) {
      text += `${JSON.stringify('result' in row ? { row: row.row, ...row.result } : row)}\n`;
    }
    return text;
  },
};

/** A table: the row number, each output by name, and the text of the error where there is one (RFC 4180). */
export function csvResults(outputs: readonly string[]): ResultFormat {
  const empty = outputs.map(() => '').join(',');
  return {
    mediaType: 'text/csv; charset=utf-8; header=present',
    head: `row,${outputs.map(csvCell).join(',')},error\r\n`,
    lines(rows) {
      let text = '';
      for (const row of rows) {
        text +=
          'result' in row
            ? `${row.row},${outputs.map((name) => row.result[name] ?? '').join(',')},\r\n`
            : `${row.row},${empty},${csvCell(rowErrorText(row.error))}\r\n`;
      }
      return text;
    },
  };
}
