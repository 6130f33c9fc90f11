import type { Cursor } from '../../shared/jobs/job-list.js';
import { JOB_STATES, type JobState } from '../../shared/contract/states.js';
import { readQuery, readText, readWhole } from '../http/query.js';

/** The question to which a list of jobs is the answer. */
export interface ListQuery {
  states: JobState[];
  model: string | undefined;
  requestId: string | undefined;
  limit: number;
  after: Cursor | undefined;
}

/** Entries of a page, for lists of every kind. */
export const PAGE_LIMIT = { unlessGiven: 50, most: 200 } as const;

const CURSOR = /^(\d{1,16}\.\d{3}) ([0-9a-f-]{36})$/;

/** The end of a page, as clients send it back: opaque to them. */
export const formatCursor = ({ createdMs, id }: Cursor): string =>
  Buffer.from(`${createdMs.toFixed(3)} ${id}`).toString('base64url');

/** The end of a page that {@link formatCursor} wrote. Throws for any other text. */
export function readCursor(text: string): Cursor {
  const [, createdMs, id] = CURSOR.exec(Buffer.from(text, 'base64url').toString('latin1')) ?? [];
  if (createdMs === undefined || id === undefined) {
    throw new Error('must be the next_cursor of the page before');
  }
  return { createdMs: Number(createdMs), id };
}

const LONGEST_TEXT = 200;

/** Parses the query of `GET /jobs`. Throws a 422 problem that names every parameter at fault. */
export function parseListQuery(query: URLSearchParams): ListQuery {
  const asked = readQuery<{
    status: JobState[];
    model: string;
    request_id: string;
    limit: number;
    cursor: Cursor;
  }>(query, {
    status: { all: (texts) => texts.map(readState) },
    model: readText(LONGEST_TEXT),
    request_id: readText(LONGEST_TEXT),
    limit: readWhole(1, PAGE_LIMIT.most),
    cursor: readCursor,
  });
  return {
    states: asked.status ?? [],
    model: asked.model,
    requestId: asked.request_id,
    limit: asked.limit ?? PAGE_LIMIT.unlessGiven,
    after: asked.cursor,
  };
}

function readState(text: string): JobState {
  const state = JOB_STATES.find((known) => known === text);
  if (state === undefined) throw new Error(`must be one of ${JOB_STATES.join(', ')}`);
  return state;
}
