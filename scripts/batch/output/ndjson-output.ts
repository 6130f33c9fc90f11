import type { PageValues, SourcePage } from '../input/source.js';
import { carriedNames, ERROR_COLUMN, type OutputColumns, type TextFormat } from './output-format.js';

/** One JSON object a line. The text of an input row that was no object becomes the member `line`. */
export function ndjsonOutput(columns: OutputColumns): TextFormat {
  const { source, outputs } = columns;
  const names = carriedNames(columns);
  const ours = [...outputs, ERROR_COLUMN];
  const keys = outputs.map((name) => [name, keyOf(name)] as const);
  const carriedKeys = source.columns.map((name) => [name, keyOf(names.get(name) ?? name)] as const);
  const textsOf = ({ texts }: SourcePage) => (source.textFormat === 'ndjson' ? texts : undefined);
  const isOurs = (object: Readonly<Record<string, unknown>>): boolean =>
    ours.some((name) => Object.hasOwn(object, name));
  const renamed = (object: Readonly<Record<string, unknown>>): string => {
    const entries = Object.entries(object);
    return JSON.stringify(
      Object.fromEntries(entries.map(([name, value]) => [names.get(name) ?? outOfTheWay(name, ours), value])),
    );
  };
  const columnsText = ({ column }: PageValues): ((row: number) => string) => {
    const cells = carriedKeys.map(([name, key]) => [key, column(name)] as const);
    return (row) => {
      let text = '';
      for (const [key, cell] of cells) {
        const value = cell(row);
        if (value !== undefined) text += `${text === '' ? '{' : ','}${key}${jsonText(value)}`;
      }
      return text === '' ? '{}' : `${text}}`;
    };
  };
  const carriedOf = (page: SourcePage): ((row: number) => string) => {
    const values = page.values();
    const { objects, unreadable } = values;
    if (!objects) return columnsText(values);
    const texts = textsOf(page);
    return (row) => {
      const object = objects[row] ?? {};
      if (unreadable.has(row)) return texts ? `{"line":${JSON.stringify(texts.at(row))}}` : '{}';
      return isOurs(object) ? renamed(object) : (texts?.at(row) ?? JSON.stringify(object));
    };
  };
  // A name may also be written with escapes.
  const signs = ['\\', ...ours.map((name) => JSON.stringify(name))];
  const isClear = (text: string): boolean => !signs.some((sign) => text.includes(sign));
  return {
    leftOut: new Set(),
    head: '',
    lines(page) {
      const texts = textsOf(page);
      let carried: ((row: number) => string) | undefined;
      return (row, outcome, error) => {
        const own = error ? undefined : texts?.at(row);
        const isOwn = own !== undefined && isClear(own);
        if (!isOwn) carried ??= carriedOf(page);
        let text = startOf(isOwn ? own : (carried?.(row) ?? '{}'));
        if (error) return `${text}${keyOf(ERROR_COLUMN)}${JSON.stringify(error)}}\n`;
        let separator = '';
        for (const [name, key] of keys) {
          text += `${separator}${key}${jsonText(outcome[name])}`;
          separator = ',';
        }
        return `${text}}\n`;
      };
    },
  };
}

const keyOf = (name: string): string => `${JSON.stringify(name)}:`;

const jsonText = (value: unknown): string =>
  typeof value === 'number' ? `${value}` : (JSON.stringify(value) ?? 'null');

/** An object up to where its next member goes. */
function startOf(object: string): string {
  const inner = object.slice(0, -1);
  return inner.trim() === '{' ? '{' : `${inner},`;
}

const outOfTheWay = (name: string, ours: readonly string[]): string =>
  ours.includes(name) ? `input_${name}` : name;
