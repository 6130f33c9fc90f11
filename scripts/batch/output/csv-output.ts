import { csvCell, rowErrorText } from '../../../shared/text/cells.js';
import { carriedNames, ERROR_COLUMN, type OutputColumns, type OutputFormat } from './output-format.js';

/** A table as RFC 4180 has it, with line feeds. A value that is absent is an empty cell. */
export function csvOutput(columns: OutputColumns): OutputFormat {
  const { input, outputs } = columns;
  const header = [...carriedNames(columns).values(), ...outputs, ERROR_COLUMN].map(csvCell).join(',');
  const noOutputs = ','.repeat(outputs.length);
  const known = new Set(input);
  const leftOut = new Set<string>();
  return {
    leftOut,
    head: `${header}\n`,
    carry({ values }) {
      let text = '';
      for (const column of input) text += `${csvCell(values[column])},`;
      for (const column in values) if (!known.has(column)) leftOut.add(column);
      return text;
    },
    succeeded(carried, result) {
      let text = carried;
      for (const name of outputs) text += `${csvCell(result[name])},`;
      return `${text}\n`;
    },
    failed: (carried, error) => `${carried}${noOutputs}${csvCell(rowErrorText(error))}\n`,
  };
}
