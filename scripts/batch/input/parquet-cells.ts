import { type SchemaElement, toJson } from 'hyparquet';

/** A cell of one column as JSON; undefined where it has no value. */
export type CellReader = (value: unknown) => unknown;

/** Readers of the top-level columns, in the order of the file. */
export function cellReaders(schema: readonly SchemaElement[]): Map<string, CellReader> {
  const readers = new Map<string, CellReader>();
  const [root] = schema;
  for (let at = 1; at < schema.length && readers.size < (root?.num_children ?? 0); at = endOf(schema, at)) {
    const element = schema[at];
    if (element) readers.set(element.name, element.num_children ? readNested : readerFor(element));
  }
  return readers;
}

/** The schema is a tree, written depth first. */
function endOf(schema: readonly SchemaElement[], at: number): number {
  let next = at + 1;
  for (let child = 0; child < (schema[at]?.num_children ?? 0); child += 1) next = endOf(schema, next);
  return next;
}

function readerFor({ logical_type: logical, converted_type: converted }: SchemaElement): CellReader {
  if (logical?.type === 'TIMESTAMP') return timeReader(logical.isAdjustedToUTC);
  if (logical?.type === 'DATE' || converted === 'DATE') return readDate;
  // Without a logical type the format means UTC.
  if (converted === 'TIMESTAMP_MICROS' || converted === 'TIMESTAMP_MILLIS') return timeReader(true);
  return readPlain;
}

/** Times that are not UTC are on a clock that the file does not name, and so is their text. */
const timeReader =
  (isUtc: boolean): CellReader =>
  (value) => {
    if (!(value instanceof Date) || Number.isNaN(value.getTime())) return undefined;
    const text = value.toISOString();
    const whole = text.endsWith('.000Z') ? text.slice(0, -5) : text.slice(0, -1);
    return isUtc ? `${whole}Z` : whole;
  };

const readDate: CellReader = (value) =>
  value instanceof Date ? value.toISOString().slice(0, 10) : undefined;

const readPlain: CellReader = (value) => {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  return value === null || value === undefined ? undefined : readNested(value);
};

const readNested: CellReader = (value) => (value === null || value === undefined ? undefined : toJson(value));
