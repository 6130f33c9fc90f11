import type { FieldProblem } from '../contract/problem.js';

/** Text that is a number in JSON. */
export const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** What the text of a cell stands for. */
export type CellType = 'number' | 'boolean' | 'text' | 'json';

/** What cells of a member stand for, by its schema. */
export function cellTypeOf(property: Record<string, unknown> | undefined): CellType {
  const type = property?.['type'];
  if (type === 'number' || type === 'integer') return 'number';
  if (type === 'array' || type === 'object') return 'json';
  return type === 'boolean' ? 'boolean' : 'text';
}

/** The JSON value that a cell stands for; text that does not fit stays text. */
export const readCell = (type: CellType, text: string): unknown => READERS[type](text);

const READERS: Readonly<Record<CellType, (text: string) => unknown>> = {
  number: (text) => (JSON_NUMBER.test(text) ? Number(text) : text),
  boolean: (text) => (text === 'true' ? true : text === 'false' ? false : text),
  text: (text) => text,
  json: (text) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return text;
    }
  },
};

const SPECIAL = /[",\r\n]/;

/** A JSON value as a cell of a CSV line (RFC 4180). An absent value is an empty cell. */
export function csvCell(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return SPECIAL.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Why a row has no result. */
interface RowError {
  code: string;
  message: string;
  errors?: readonly FieldProblem[] | undefined;
}

/** The error of a row in words, for a cell or a summary. */
export const rowErrorText = ({ code, message, errors }: RowError): string =>
  `${code}: ${errors?.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ') ?? message}`;
