const YEAR_FIRST = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?/;
// The format of the city's open-data portal: 01/31/2021 11:15:56 PM
const MONTH_FIRST = /^(\d\d?)\/(\d\d?)\/(\d{4}) (\d\d?):(\d\d)(?::(\d\d))? ?([AaPp])?/;

/**
 * Milliseconds since 1970-01-01 00:00 of a date and time as trip files write it, on the clock it was written
 * by; an offset behind it is not looked at. NaN for text that is none.
 */
export function parseLocalTime(text: string): number {
  const iso = YEAR_FIRST.exec(text);
  if (iso) return Date.UTC(+iso[1]!, +iso[2]! - 1, +iso[3]!, +iso[4]!, +iso[5]!) + seconds(iso[6]);
  const us = MONTH_FIRST.exec(text);
  if (!us) return Number.NaN;
  const hour = us[7] === undefined ? +us[4]! : (+us[4]! % 12) + (us[7].toUpperCase() === 'P' ? 12 : 0);
  return Date.UTC(+us[3]!, +us[1]! - 1, +us[2]!, hour, +us[5]!) + seconds(us[6]);
}

const seconds = (text: string | undefined): number => Math.round(Number(text ?? 0) * 1000);
