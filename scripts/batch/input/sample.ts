import { JSON_NUMBER } from '../../../shared/text/cells.js';
import { type ColumnKind, InputFileError, type SourcePage } from './source.js';

/** A file is looked into so far, to learn what its columns hold; pages bound the rows that are long. */
const SAMPLE = { rows: 1_000, pages: 64 } as const;

/** What the first rows of a file show: their columns in the order they first appear, and what these hold. */
export interface Sample {
  rows: number;
  kinds: Map<string, ColumnKind>;
}

/** Looks at the first rows. `columns` are known beforehand where the file names them. */
export async function sampleOf(
  pages: AsyncIterable<SourcePage>,
  columns: readonly string[] = [],
): Promise<Sample> {
  const seen = new Map<string, ColumnKind | undefined>(columns.map((name) => [name, undefined]));
  let [rows, pagesSeen] = [0, 0];
  for await (const page of pages) {
    const { objects, column } = page.values();
    const end = Math.min(page.length, SAMPLE.rows - rows);
    for (let row = 0; row < end; row += 1) {
      const names = objects ? Object.keys(objects[row] ?? {}) : columns;
      for (const name of names) seen.set(name, together(seen.get(name), column(name)(row), !objects));
    }
    rows += page.length;
    pagesSeen += 1;
    if (rows >= SAMPLE.rows || pagesSeen === SAMPLE.pages) break;
  }
  return { rows, kinds: new Map([...seen].map(([name, kind]) => [name, kind ?? 'text'])) };
}

/** As {@link sampleOf} of a file that must have rows. */
export async function sampleOfRows(file: string, pages: AsyncIterable<SourcePage>): Promise<Sample> {
  const sample = await sampleOf(pages);
  if (sample.rows === 0) throw new InputFileError(file, 'has no rows');
  return sample;
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
