import type { ResultRow } from './result-rows.js';

/** How results are written. */
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
    head: `row,${outputs.map(cell).join(',')},error\r\n`,
    lines(rows) {
      let text = '';
      for (const row of rows) {
        text +=
          'result' in row
            ? `${row.row},${outputs.map((name) => row.result[name] ?? '').join(',')},\r\n`
            : `${row.row},${empty},${cell(errorText(row))}\r\n`;
      }
      return text;
    },
  };
}

function errorText(row: Extract<ResultRow, { error: unknown }>): string {
  const { code, message, errors } = row.error;
  const rules = errors?.map((error) => `${error.pointer} ${error.detail}`).join('; ');
  return `${code}: ${rules ?? message}`;
}

const cell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
