import type { BatchRowError } from '../../../shared/contract/batch.js';
import type { ManifestOutput } from '../../../shared/model/manifest.js';
import { rounded } from '../../../shared/model/row-reader.js';
import { csvCell, rowErrorText } from '../../../shared/text/cells.js';

/** A format of results: text, a line a row. */
export interface ResultFormat {
  mediaType: string;
  /** The first line, if any. */
  head: string;
  /** The line of a row that has a result: its place in `values`, one array an output. */
  line(row: number, values: readonly Float32Array[], at: number): string;
  errorLine(row: number, error: BatchRowError): string;
}

/** One JSON object a line: `{"row":0,"duration":12.9}`, or `{"row":7,"error":{...}}`. */
export function ndjsonResults(outputs: readonly ManifestOutput[]): ResultFormat {
  const names = outputs.map(({ member }) => `,${JSON.stringify(member)}:`);
  return {
    mediaType: 'application/x-ndjson',
    head: '',
    line(row, values, at) {
      let text = `{"row":${row}`;
      for (let i = 0; i < names.length; i += 1) text += `${names[i]}${rounded(values[i]![at]!, outputs[i]!)}`;
      return `${text}}\n`;
    },
    errorLine: (row, error) => `${JSON.stringify({ row, error })}\n`,
  };
}

/** A table: the row number, each output by name, and the text of the error where there is one (RFC 4180). */
export function csvResults(outputs: readonly ManifestOutput[]): ResultFormat {
  const empty = ','.repeat(outputs.length);
  return {
    mediaType: 'text/csv; charset=utf-8; header=present',
    head: `row,${outputs.map(({ member }) => csvCell(member)).join(',')},error\r\n`,
    line(row, values, at) {
      let text = `${row}`;
      for (let i = 0; i < outputs.length; i += 1) text += `,${rounded(values[i]![at]!, outputs[i]!)}`;
      return `${text},\r\n`;
    },
    errorLine: (row, error) => `${row}${empty},${csvCell(rowErrorText(error))}\r\n`,
  };
}
