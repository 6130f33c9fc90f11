/** Texts of the latest seconds, up to the decimal point: most times of an answer lie in one or two of these seconds. */
const KEPT = 64;
const seconds: { second: number; text: string }[] = Array.from({ length: KEPT }, () => ({
  second: NaN,
  text: '',
}));

/** A moment in Unix milliseconds as clients read times: RFC 3339, UTC, with milliseconds. */
export function rfc3339(unixMs: number): string {
  const second = Math.floor(unixMs / 1000);
  const kept = seconds[second % KEPT];
  // Date formats times before 1970, and throws for NaN.
  if (kept === undefined) return new Date(unixMs).toISOString();
  if (kept.second !== second) {
    kept.text = new Date(second * 1000).toISOString().slice(0, 20);
    kept.second = second;
  }
  return `${kept.text}${String(Math.floor(unixMs - second * 1000)).padStart(3, '0')}Z`;
}

/** The same of a time that may be missing. */
export const rfc3339Of = (unixMs: number | undefined): string | undefined =>
  unixMs === undefined ? undefined : rfc3339(unixMs);

/** The Unix milliseconds of an RFC 3339 time, a leap second being the one behind it; NaN for text that is no such time. */
export function unixMsOf(text: string): number {
  const before = text.replace(/:60(?=[.zZ+-])/, ':59');
  return Date.parse(before) + (before === text ? 0 : 1_000);
}
