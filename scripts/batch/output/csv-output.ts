import {
  carriedNames,
  ERROR_COLUMN,
  errorText,
  type OutputColumns,
  type OutputFormat,
} from './output-format.js';

/** A table as RFC 4180 has it, with line feeds. What has no value is an empty cell. */
export function csvOutput(columns: OutputColumns): OutputFormat {
  const { input, outputs } = columns;
  const header = [...carriedNames(columns).values(), ...outputs].map(cell).join(',');
  const noOutputs = ','.repeat(Math.max(0, outputs.length - 1));
  const known = new Set(input);
  const leftOut = new Set<string>();
  return {
    leftOut,
    head: (hasErrorColumn) => `${header}${hasErrorColumn ? `,${ERROR_COLUMN}` : ''}\n`,
    carry({ values }) {
      let text = '';
      for (const column of input) text += `${cell(values[column])},`;
      for (const column in values) if (!known.has(column)) leftOut.add(column);
      return text;
    },
    succeeded(carried, result, hasErrorColumn) {
      let text = carried;
      for (let at = 0; at < outputs.length; at += 1) {
        text += `${at === 0 ? '' : ','}${cell(result[outputs[at] ?? ''])}`;
      }
      return hasErrorColumn ? `${text},\n` : `${text}\n`;
    },
    failed: (carried, error) => `${carried}${noOutputs},${cell(errorText(error))}\n`,
  };
}

const SPECIAL = /[",\r\n]/;

function cell(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return SPECIAL.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
