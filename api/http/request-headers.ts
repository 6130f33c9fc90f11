import { randomUUID } from 'node:crypto';

// Visible ASCII and short: the value comes back in a header and stands in log lines.
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** The client's `X-Request-Id` where it is usable, else a new one. */
export const requestIdOf = (header: string | undefined): string =>
  header !== undefined && REQUEST_ID.test(header) ? header : randomUUID();

// W3C Trace Context: version, trace id, parent id, flags; later versions may add more behind another dash.
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ALL_ZERO = /^0+$/;

/**
 * A valid `traceparent`, reduced to the members of version 00. Undefined for a value that must be ignored as a whole:
 * version ff, an id of zeros, upper-case digits, or version 00 with a tail.
 */
export function parseTraceparent(header: string | undefined): string | undefined {
  const [, version, traceId, parentId, flags, tail] = TRACEPARENT.exec(header?.trim() ?? '') ?? [];
  if (version === undefined || traceId === undefined || parentId === undefined) return undefined;
  if (version === 'ff' || (version === '00' && tail !== undefined)) return undefined;
  if (ALL_ZERO.test(traceId) || ALL_ZERO.test(parentId)) return undefined;
  return `00-${traceId}-${parentId}-${flags}`;
}

/**
 * Whether an `If-None-Match` value names the entity tag, by weak comparison (RFC 9110, section 13.1.2).
 */
export function matchesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  const opaque = withoutWeakness(etag);
  return (ifNoneMatch.match(/(?:W\/)?"[^"]*"/g) ?? []).some((tag) => withoutWeakness(tag) === opaque);
}

const withoutWeakness = (tag: string): string => (tag.startsWith('W/') ? tag.slice(2) : tag);
