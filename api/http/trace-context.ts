// W3C Trace Context: version, trace id, parent id, flags; later versions may add more behind another dash.
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ALL_ZERO = /^0+$/;

/**
 * A valid `traceparent`, reduced to what version 00 says; undefined for one that must be ignored as a whole:
 * version ff, an id of zeros, upper-case digits, or version 00 with a tail.
 */
export function parseTraceparent(header: string | undefined): string | undefined {
  const [, version, traceId, parentId, flags, tail] = TRACEPARENT.exec(header?.trim() ?? '') ?? [];
  if (version === undefined || traceId === undefined || parentId === undefined) return undefined;
  if (version === 'ff' || (version === '00' && tail !== undefined)) return undefined;
  if (ALL_ZERO.test(traceId) || ALL_ZERO.test(parentId)) return undefined;
  return `00-${traceId}-${parentId}-${flags}`;
}
