import type { IncomingMessage } from 'node:http';
import { ProblemError } from './problem.js';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d*)?$/i;
const LONGEST_ECHO = 100;

/**
 * Throws a problem unless a request names one host and, with `isLoopbackOnly`, a name of this machine itself: a browser
 * on this machine may show a page from elsewhere whose host name leads here (DNS rebinding).
 */
export function checkHost({ headers, rawHeaders }: IncomingMessage, isLoopbackOnly: boolean): void {
  let lines = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    // Node keeps the first of several Host headers silently.
    if (name?.length === 4 && name.toLowerCase() === 'host') lines += 1;
  }
  if (lines > 1) throw new ProblemError('host-malformed', `the request has ${lines} Host headers`);
  const { host = '' } = headers;
  if (!isLoopbackOnly || LOOPBACK.test(host)) return;
  throw new ProblemError(
    'misdirected-request',
    `"${host.slice(0, LONGEST_ECHO)}" is no name of this machine itself`,
  );
}
