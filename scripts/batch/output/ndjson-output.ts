import type { SourceRow } from '../input/source.js';
import { carriedNames, ERROR_COLUMN, type OutputColumns, type OutputFormat } from './output-format.js';

/** One JSON object a line. The text of an input row that was no object becomes the member `line`. */
export function ndjsonOutput(columns: OutputColumns): OutputFormat {
  const { outputs } = columns;
  const names = carriedNames(columns);
  const ours = [...outputs, ERROR_COLUMN];
  const keys = outputs.map((name) => [name, `${JSON.stringify(name)}:`] as const);
  const renamed = ({ values }: SourceRow): string => {
    const entries = Object.entries(values).map(([name, value]) => [
      names.get(name) ?? outOfTheWay(name, ours),
      value,
    ]);
    return JSON.stringify(Object.fromEntries(entries) as Record<string, unknown>);
  };
  return {
    leftOut: new Set(),
    head: '',
    carry(row) {
      if (row.unreadable !== undefined && Object.keys(row.values).length === 0) {
        return row.json === undefined ? '{' : `{"line":${JSON.stringify(row.json)},`;
      }
      const isClear = !ours.some((name) => Object.hasOwn(row.values, name));
      const text = isClear ? (row.json ?? JSON.stringify(row.values)) : renamed(row);
      const inner = text.slice(0, text.lastIndexOf('}'));
      return inner.trim() === '{' ? '{' : `${inner},`;
    },
    succeeded(carried, result) {
      let text = carried;
      for (let at = 0; at < keys.length; at += 1) {
        const [name, key] = keys[at] ?? ['', ''];
        text += `${at === 0 ? '' : ','}${key}${JSON.stringify(result[name]) ?? 'null'}`;
      }
      return `${text}}\n`;
    },
    failed: (carried, error) => `${carried}"${ERROR_COLUMN}":${JSON.stringify(error)}}\n`,
  };
}

const outOfTheWay = (name: string, ours: readonly string[]): string =>
  ours.includes(name) ? `input_${name}` : name;
