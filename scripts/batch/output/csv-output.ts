import {
  carriedNames,
  ERROR_COLUMN,
  errorText,
  type OutputColumns,
  type OutputFormat,
} from './output-format.js';

/** A table as RFC 4180 has it, with line feeds. A value that is absent is an empty cell. */
export function csvOutput(columns: OutputColumns): OutputFormat {
  const { input, outputs } = columns;
  const header = [...carriedNames(columns).values(), ...outputs, ERROR_COLUMN].map(cell).join(',');
  const noOutputs = ','.repeat(outputs.length);
  const known = new Set(input);
  const leftOut = new Set<string>();
  return {
    leftOut,
    head: `${header}\n`,
    carry({ values }) {
      let text = '';
      for (const column of input) text += `${cell(values[column])},`;
      for (const column in values) if (!known.has(column)) leftOut.add(column);
      return text;
    },
    succeeded(carried, result) {
      let text = carried;
      for (const name of outputs) text += `${cell(result[name])},`;
      return `${text}\n`;
    },
    failed: (carried, error) => `${carried}${noOutputs}${cell(errorText(error))}\n`,
  };
}

const SPECIAL = /[",\r\n]/;

function cell(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return SPECIAL.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
