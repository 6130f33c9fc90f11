import { type ParquetParsers, type SchemaElement, toJson } from 'hyparquet';

/** A cell of one column as JSON; undefined where it has no value. */
export type CellReader = (value: unknown) => unknown;

/** Readers of the top-level columns, in the order of the file. */
export const cellReaders = (schema: readonly SchemaElement[]): Map<string, CellReader> =>
  new Map(
    topLevel(schema).map((element) => [element.name, element.num_children ? readNested : readerFor(element)]),
  );

/** The top-level columns whose cells are numbers as they are decoded with {@link parsersFor}, or nothing. */
export function numberColumns(schema: readonly SchemaElement[]): Set<string> {
  const timesAreNumbers = parsersFor(schema) === TIMES_IN_MS;
  const isNumber = (element: SchemaElement): boolean => {
    const { type, logical_type: logical, converted_type: converted } = element;
    if (element.repetition_type === 'REPEATED') return false;
    if (isTime(element)) return timesAreNumbers;
    return !logical && !converted && (type === 'DOUBLE' || type === 'FLOAT' || type === 'INT32');
  };
  return new Set(topLevel(schema).flatMap((element) => (isNumber(element) ? [element.name] : [])));
}

function topLevel(schema: readonly SchemaElement[]): SchemaElement[] {
  const elements: SchemaElement[] = [];
  const count = schema[0]?.num_children ?? 0;
  for (let at = 1; at < schema.length && elements.length < count; at = endOf(schema, at)) {
    const element = schema[at];
    if (element) elements.push(element);
  }
  return elements;
}

/** The schema is a tree, written depth first. */
function endOf(schema: readonly SchemaElement[], at: number): number {
  let next = at + 1;
  for (let child = 0; child < (schema[at]?.num_children ?? 0); child += 1) next = endOf(schema, next);
  return next;
}

function readerFor(element: SchemaElement): CellReader {
  const { logical_type: logical, converted_type: converted } = element;
  // Without a logical type the format means UTC.
  if (isTime(element)) return timeReader(logical?.type !== 'TIMESTAMP' || logical.isAdjustedToUTC);
  return logical?.type === 'DATE' || converted === 'DATE' ? readDate : readPlain;
}

const isTime = ({ logical_type: logical, converted_type: converted }: SchemaElement): boolean =>
  logical?.type === 'TIMESTAMP' || converted === 'TIMESTAMP_MICROS' || converted === 'TIMESTAMP_MILLIS';

const DAY_MS = 86_400_000;
const LAST_TIME_MS = 8.64e15;
const TWO_DIGITS = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));

/**
 * Times that are not UTC are on a clock that the file does not name, and so is their text. Most times are of the day of
 * the one before, whose date is written already.
 */
function timeReader(isUtc: boolean): CellReader {
  let day = Number.NaN;
  let date = '';
  return (value) => {
    const ms = value instanceof Date ? value.getTime() : value;
    if (typeof ms !== 'number' || !(Math.abs(ms) <= LAST_TIME_MS)) return undefined;
    const dayOf = Math.floor(ms / DAY_MS);
    if (dayOf !== day) date = new Date(dayOf * DAY_MS).toISOString().slice(0, -'00:00:00.000Z'.length);
    day = dayOf;
    const inDayMs = ms - dayOf * DAY_MS;
    const seconds = Math.floor(inDayMs / 1000);
    const part = inDayMs - seconds * 1000;
    const minutes = Math.floor(seconds / 60);
    const time = `${date}${TWO_DIGITS[Math.floor(minutes / 60)]}:${TWO_DIGITS[minutes % 60]}:${TWO_DIGITS[seconds % 60]}`;
    return `${time}${part === 0 ? '' : `.${String(part).padStart(3, '0')}`}${isUtc ? 'Z' : ''}`;
  };
}

/** Whole milliseconds in place of a Date for each time: what {@link cellReaders} takes, too, in columns without a nesting. */
const TIMES_IN_MS = {
  timestampFromMilliseconds: Number,
  timestampFromMicroseconds: (micros: bigint) => Math.floor(Number(micros) / 1e3),
  timestampFromNanoseconds: (nanos: bigint) => Math.floor(Number(nanos) / 1e6),
};

/** How times of the file are decoded for its {@link cellReaders}. INT96 has no logical type that would name it a time. */
export const parsersFor = (schema: readonly SchemaElement[]): Partial<ParquetParsers> =>
  schema.slice(1).some(({ num_children: children, type }) => children || type === 'INT96') ? {} : TIMES_IN_MS;

const readDate: CellReader = (value) =>
  value instanceof Date ? value.toISOString().slice(0, 10) : undefined;

const readPlain: CellReader = (value) => {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  return value === null || value === undefined ? undefined : readNested(value);
};

const readNested: CellReader = (value) => (value === null || value === undefined ? undefined : toJson(value));
