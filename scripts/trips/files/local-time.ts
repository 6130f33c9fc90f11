const YEAR_FIRST = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?/;
// The format of the city's open-data portal: 01/31/2021 11:15:56 PM
const MONTH_FIRST = /^(\d\d?)\/(\d\d?)\/(\d{4}) (\d\d?):(\d\d)(?::(\d\d))? ?([AaPp])?/;

/**
 * Milliseconds since 1970-01-01 00:00 of a date and time as trip files write it, on the clock it was written
 * by; an offset behind it is not looked at. NaN for anything else.
 */
export function parseLocalTime(cell: unknown): number {
  if (typeof cell !== 'string') return Number.NaN;
  const text = cell.trim();
  const usual = usualTime(text);
  if (!Number.isNaN(usual)) return usual;
  const iso = YEAR_FIRST.exec(text);
  if (iso) return Date.UTC(+iso[1]!, +iso[2]! - 1, +iso[3]!, +iso[4]!, +iso[5]!) + seconds(iso[6]);
  const us = MONTH_FIRST.exec(text);
  if (!us) return Number.NaN;
  const hour = us[7] === undefined ? +us[4]! : (+us[4]! % 12) + (us[7].toUpperCase() === 'P' ? 12 : 0);
  return Date.UTC(+us[3]!, +us[1]! - 1, +us[2]!, hour, +us[5]!) + seconds(us[6]);
}

const seconds = (text: string | undefined): number => Math.round(Number(text ?? 0) * 1000);

/** `2021-01-31T23:15:56`, or with a space, by its digits: files of many rows write all of their times so. NaN for the rest. */
function usualTime(text: string): number {
  const isParted = text[4] === '-' && text[7] === '-' && text[13] === ':' && text[16] === ':';
  if (text.length !== 19 || !isParted || (text[10] !== 'T' && text[10] !== ' ')) return Number.NaN;
  const two = (at: number): number => digit(text, at) * 10 + digit(text, at + 1);
  return Date.UTC(two(0) * 100 + two(2), two(5) - 1, two(8), two(11), two(14), two(17));
}

function digit(text: string, at: number): number {
  const value = text.charCodeAt(at) - 48;
  return value >= 0 && value <= 9 ? value : Number.NaN;
}
