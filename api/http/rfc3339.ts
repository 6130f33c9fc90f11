/** A moment in Unix milliseconds as clients read times: RFC 3339, UTC, with milliseconds. */
export const rfc3339 = (unixMs: number): string => new Date(unixMs).toISOString();
