/** Text that is a number in JSON. */
export const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

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
  errors?: readonly { pointer: string; detail: string }[] | undefined;
}

/** The error of a row in words, for a cell or a summary. */
export const rowErrorText = ({ code, message, errors }: RowError): string =>
  `${code}: ${errors?.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ') ?? message}`;
