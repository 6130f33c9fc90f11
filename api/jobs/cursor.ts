import type { Cursor } from '../../shared/jobs/job-list.js';

/** Entries of a page, for lists of every kind. */
export const PAGE_LIMIT = { unlessGiven: 50, most: 200 } as const;

const CURSOR = /^(\d{1,16}\.\d{3}) ([0-9a-f-]{36})$/;

/** Where a page ended, as clients carry it: opaque to them. */
export const formatCursor = ({ createdMs, id }: Cursor): string =>
  Buffer.from(`${createdMs.toFixed(3)} ${id}`).toString('base64url');

/** The page end that {@link formatCursor} wrote. Throws for any other text. */
export function readCursor(text: string): Cursor {
  const [, createdMs, id] = CURSOR.exec(Buffer.from(text, 'base64url').toString('latin1')) ?? [];
  if (createdMs === undefined || id === undefined) {
    throw new Error('must be the next_cursor of the page before');
  }
  return { createdMs: Number(createdMs), id };
}
