import { randomUUID } from 'node:crypto';

// Visible ASCII and short: the value comes back in a header and stands in log lines.
const ACCEPTABLE = /^[\x21-\x7e]{1,128}$/;

/** The client's `X-Request-Id` where it is usable, else a new one. */
export const requestIdOf = (header: string | undefined): string =>
  header !== undefined && ACCEPTABLE.test(header) ? header : randomUUID();
