import type { BatchRowError } from '../../../shared/contract/batch.js';
import type { PlacedOutput } from '../../../shared/model/outputs.js';
import { valueOf } from '../../../shared/model/row-reader.js';
import { csvCell, rowErrorText } from '../../../shared/text/cells.js';
import type { LineBuffer } from './line-buffer.js';

/** A format of results: a line a row. */
export interface ResultFormat {
  mediaType: string;
  /** The first line, if any. */
  head: string;
  /** Writes the line of a row that has a result, which is row `at` of `values`, an array a source of the outputs. */
  line(lines: LineBuffer, row: number, values: readonly Float32Array[], at: number): void;
  errorLine(row: number, error: BatchRowError): string;
}

/** One JSON object a line: `{"row":0,"duration":12.9}`, or `{"row":7,"error":{...}}`. */
export function ndjsonResults(outputs: readonly PlacedOutput[]): ResultFormat {
  const start = Buffer.from('{"row":');
  const end = Buffer.from('}\n');
  const members = outputs.map((output) => ({
    output,
    name: Buffer.from(`,${JSON.stringify(output.member)}:`),
  }));
  return {
    mediaType: 'application/x-ndjson',
    head: '',
    line(lines, row, values, at) {
      lines.raw(start);
      lines.integer(row);
      for (const { output, name } of members) {
        const own = values[output.source]!;
        lines.raw(name);
        if (isNumber(output)) lines.number(own[at]!, output);
        else lines.text(JSON.stringify(valueOf(output, own, at)));
      }
      lines.raw(end);
    },
    errorLine: (row, error) => `${JSON.stringify({ row, error })}\n`,
  };
}

/** A table: the row number, each output by name, and the text of the error where there is one (RFC 4180). Arrays are JSON. */
export function csvResults(outputs: readonly PlacedOutput[]): ResultFormat {
  const empty = ','.repeat(outputs.length);
  const comma = Buffer.from(',');
  const end = Buffer.from(',\r\n');
  return {
    mediaType: 'text/csv; charset=utf-8; header=present',
    head: `row,${outputs.map(({ member }) => csvCell(member)).join(',')},error\r\n`,
    line(lines, row, values, at) {
      lines.integer(row);
      for (const output of outputs) {
        const own = values[output.source]!;
        lines.raw(comma);
        if (isNumber(output)) lines.number(own[at]!, output);
        else lines.text(csvCell(valueOf(output, own, at)));
      }
      lines.raw(end);
    },
    errorLine: (row, error) => `${row}${empty},${csvCell(rowErrorText(error))}\r\n`,
  };
}

const isNumber = ({ shape, labels }: PlacedOutput): boolean => !shape && !labels;
