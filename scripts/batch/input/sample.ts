import { JSON_NUMBER } from '../../../shared/text/cells.js';
import { type ColumnKind, InputFileError, type SourcePage } from './source.js';

/** A file is looked into so far, to learn what its columns hold; pages bound the rows that are long. */
const SAMPLE = { rows: 1_000, pages: 64 } as const;

/**
 * Columns in the order they first appear in the first rows, and what they hold there. `columns` are known beforehand, or by the
 * first page, where the file names them; any other file must have rows, or this throws {@link InputFileError}.
 */
export async function kindsOf(
  file: string,
  pages: AsyncIterable<SourcePage>,
  columns?: readonly string[],
): Promise<Map<string, ColumnKind>> {
  const seen = new Map<string, ColumnKind | undefined>();
  let [rows, pagesSeen] = [0, 0];
  for await (const page of pages) {
    const { objects, column } = page.values();
    const end = Math.min(page.length, SAMPLE.rows - rows);
    for (let row = 0; row < end; row += 1) {
      for (const name of columns ?? Object.keys(objects?.[row] ?? {})) {
        seen.set(name, together(seen.get(name), column(name)(row), !objects));
      }
    }
    rows += page.length;
    pagesSeen += 1;
    if (rows >= SAMPLE.rows || pagesSeen === SAMPLE.pages) break;
  }
  if (rows === 0 && !columns) throw new InputFileError(file, 'has no rows');
  return new Map([...seen].map(([name, kind]) => [name, kind ?? 'text']));
}

function together(
  known: ColumnKind | undefined,
  value: unknown,
  isNumberAsText: boolean,
): ColumnKind | undefined {
  if (value === undefined || value === null || value === '') return known;
  const kind = kindOf(value, isNumberAsText);
  return known === undefined || known === kind ? kind : 'text';
}

function kindOf(value: unknown, isNumberAsText: boolean): ColumnKind {
  if (typeof value === 'number' || (isNumberAsText && numberOf(value) !== undefined)) return 'number';
  return typeof value === 'boolean' ? 'boolean' : 'text';
}

/** A number, or the text of one that a double holds without loss of whole digits; undefined for anything else. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || !JSON_NUMBER.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) && Math.abs(number) <= Number.MAX_SAFE_INTEGER ? number : undefined;
}
