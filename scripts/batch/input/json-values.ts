import { isRecord } from '../../../shared/text/is-record.js';
import { InputFileError, type Source, type SourcePage, type SourceRow } from './source.js';

/** Rows that are looked at to learn the columns of a file that does not name them. */
const SAMPLE_ROWS = 1_000;

/** A row for a JSON value that should be an object. */
export const rowOfValue = (value: unknown, json: string | undefined): SourceRow =>
  isRecord(value)
    ? { values: value, ...(json === undefined ? {} : { json }) }
    : { values: {}, unreadable: 'is no JSON object', ...(json === undefined ? {} : { json }) };

/** A source whose columns are the members of its first rows, in the order they first appear. */
export async function sampled(
  path: string,
  pages: (fromRow: number) => AsyncGenerator<SourcePage, void, undefined>,
): Promise<Source> {
  const columns = new Set<string>();
  let seen = 0;
  for await (const { rows } of pages(0)) {
    for (const row of rows.slice(0, SAMPLE_ROWS - seen)) {
      for (const name of Object.keys(row.values)) columns.add(name);
    }
    seen += rows.length;
    if (seen >= SAMPLE_ROWS) break;
  }
  if (seen === 0) throw new InputFileError(path, 'has no rows');
  return { columns: [...columns], pages };
}
