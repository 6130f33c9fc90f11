import type { BatchRowError } from '../../../shared/contract/batch.js';
import type { PlacedOutput } from '../../../shared/model/outputs.js';
import { rounded, valueOf } from '../../../shared/model/row-reader.js';
import { csvCell, rowErrorText } from '../../../shared/text/cells.js';

/** A format of results: text, a line a row. */
export interface ResultFormat {
  mediaType: string;
  /** The first line, if any. */
  head: string;
  /** The line of a row that has a result, which is row `at` of `values`, an array a source of the outputs. */
  line(row: number, values: readonly Float32Array[], at: number): string;
  errorLine(row: number, error: BatchRowError): string;
}

/** One JSON object a line: `{"row":0,"duration":12.9}`, or `{"row":7,"error":{...}}`. */
export function ndjsonResults(outputs: readonly PlacedOutput[]): ResultFormat {
  const names = outputs.map(({ member }) => `,${JSON.stringify(member)}:`);
  return {
    mediaType: 'application/x-ndjson',
    head: '',
    line(row, values, at) {
      let text = `{"row":${row}`;
      for (let i = 0; i < names.length; i += 1) text += names[i]! + jsonOf(outputs[i]!, values, at);
      return `${text}}\n`;
    },
    errorLine: (row, error) => `${JSON.stringify({ row, error })}\n`,
  };
}

/** A table: the row number, each output by name, and the text of the error where there is one (RFC 4180). */
export function csvResults(outputs: readonly PlacedOutput[]): ResultFormat {
  const empty = ','.repeat(outputs.length);
  return {
    mediaType: 'text/csv; charset=utf-8; header=present',
    head: `row,${outputs.map(({ member }) => csvCell(member)).join(',')},error\r\n`,
    line(row, values, at) {
      let text = `${row}`;
      for (const output of outputs) text += `,${cellOf(output, values, at)}`;
      return `${text},\r\n`;
    },
    errorLine: (row, error) => `${row}${empty},${csvCell(rowErrorText(error))}\r\n`,
  };
}

const isNumber = ({ shape, labels }: PlacedOutput): boolean => !shape && !labels;

/** The value of an output of row `at` as JSON. */
const jsonOf = (output: PlacedOutput, values: readonly Float32Array[], at: number): string =>
  isNumber(output)
    ? `${rounded(values[output.source]![at]!, output)}`
    : JSON.stringify(valueOf(output, values[output.source]!, at));

/** The same as a cell: arrays are JSON in it. */
const cellOf = (output: PlacedOutput, values: readonly Float32Array[], at: number): string =>
  isNumber(output) ? jsonOf(output, values, at) : csvCell(valueOf(output, values[output.source]!, at));
