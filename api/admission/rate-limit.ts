/** So many predictions in so many seconds. */
export interface RateLimit {
  count: number;
  seconds: number;
}

/** Reads `RATE_LIMIT`: `off`, or `<count>/<seconds>`. */
export function parseRateLimit(text: string): RateLimit | undefined {
  if (text === 'off') return undefined;
  const [, count = '', seconds = ''] = /^(\d{1,9})\/(\d{1,6})$/.exec(text) ?? [];
  if (Number(count) > 0 && Number(seconds) > 0) return { count: Number(count), seconds: Number(seconds) };
  throw new Error(`must be off or <count>/<seconds>, such as 100/60, not "${text}"`);
}
