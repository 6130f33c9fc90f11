/** `Prefer: wait`: asks the server to hold its answer for that many seconds at most (RFC 7240). */
export const preferWait = (seconds: number | undefined): Record<string, string> =>
  seconds === undefined ? {} : { prefer: `wait=${Math.max(0, Math.floor(seconds))}` };

/** `Idempotency-Key`: names a submission, so that repeating it creates nothing new. */
export const idempotent = (key: string | undefined): Record<string, string> =>
  key === undefined ? {} : { 'idempotency-key': `"${key}"` };
