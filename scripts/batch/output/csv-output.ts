import { csvCell, rowErrorText } from '../../../shared/text/cells.js';
import type { SourcePage } from '../input/source.js';
import { carriedNames, ERROR_COLUMN, type OutputColumns, type TextFormat } from './output-format.js';

/** A table as RFC 4180 has it, with line feeds. A value that is absent is an empty cell. */
export function csvOutput(columns: OutputColumns): TextFormat {
  const { source, outputs } = columns;
  const header = [...carriedNames(columns).values(), ...outputs, ERROR_COLUMN].map(csvCell).join(',');
  const noOutputs = ','.repeat(outputs.length);
  const known = new Set(source.columns);
  const leftOut = new Set<string>();
  const cellsOf = (page: SourcePage): ((row: number) => string) => {
    const { column, objects } = page.values();
    const cells = source.columns.map(column);
    return (row) => {
      let text = '';
      for (const cell of cells) text += `${csvCell(cell(row))},`;
      for (const name in objects?.[row]) if (!known.has(name)) leftOut.add(name);
      return text;
    };
  };
  return {
    leftOut,
    head: `${header}\n`,
    lines(page) {
      const records = source.textFormat === 'csv' ? page.texts : undefined;
      let cells = records ? undefined : cellsOf(page);
      return (row, outcome, error) => {
        // A record that failed may have more cells than there are columns, or fewer.
        if (error) {
          cells ??= cellsOf(page);
          return `${cells(row)}${noOutputs}${csvCell(rowErrorText(error))}\n`;
        }
        let text = cells && !records ? cells(row) : `${records?.at(row)},`;
        for (const name of outputs) text += `${csvCell(outcome[name])},`;
        return `${text}\n`;
      };
    },
  };
}
