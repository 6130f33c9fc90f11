/** Asks the server to hold its answer for up to so many seconds. */
export const preferWait = (seconds: number | undefined): Record<string, string> =>
  seconds === undefined ? {} : { prefer: `wait=${Math.max(0, Math.floor(seconds))}` };

/** Names a submission, so that repeating it does not make another. */
export const idempotent = (key: string | undefined): Record<string, string> =>
  key === undefined ? {} : { 'idempotency-key': `"${key}"` };
