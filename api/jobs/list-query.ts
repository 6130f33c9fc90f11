import { messageOf } from '../../shared/errors.js';
import { JOB_STATES, type JobState } from '../../shared/jobs/job.js';
import type { Cursor } from '../../shared/jobs/job-list.js';
import { type BrokenRule, validationFailed } from '../http/problem.js';

/** What a list of jobs was asked for. */
export interface ListQuery {
  states: JobState[];
  model: string | undefined;
  requestId: string | undefined;
  limit: number;
  after: Cursor | undefined;
}

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
const LONGEST_TEXT = 200;

/** Parses the query of `GET /jobs`. Throws a 422 problem that names every parameter at fault. */
export function parseListQuery(query: URLSearchParams): ListQuery {
  const errors: BrokenRule[] = [];
  const wrong = (parameter: string, detail: string): undefined => {
    errors.push({ parameter, detail });
    return undefined;
  };
  const once = (name: string): string | undefined => {
    const values = query.getAll(name);
    if (values.length > 1) return wrong(name, 'must be given once');
    const [value] = values;
    if (value === '' || (value !== undefined && value.length > LONGEST_TEXT)) {
      return wrong(name, `must have 1 to ${LONGEST_TEXT} characters`);
    }
    return value;
  };

  for (const name of new Set(query.keys())) {
    if (!PARAMETERS.has(name)) wrong(name.slice(0, LONGEST_TEXT), 'is not a known parameter');
  }
  const parsed: ListQuery = {
    states: query.getAll('status').flatMap((text) => {
      const state = JOB_STATES.find((known) => known === text);
      return state ?? wrong('status', `must be one of ${JOB_STATES.join(', ')}`) ?? [];
    }),
    model: once('model'),
    requestId: once('request_id'),
    limit: parseLimit(once('limit'), wrong),
    after: parseCursor(once('cursor'), wrong),
  };
  if (errors.length > 0) throw validationFailed(errors);
  return parsed;
}

const PARAMETERS: ReadonlySet<string> = new Set(['status', 'model', 'request_id', 'limit', 'cursor']);

type Wrong = (parameter: string, detail: string) => undefined;

function parseLimit(text: string | undefined, wrong: Wrong): number {
  if (text === undefined) return DEFAULT_LIMIT;
  const limit = Number(text);
  if (/^\d{1,9}$/.test(text) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  wrong('limit', `must be a whole number from 1 to ${MAX_LIMIT}`);
  return DEFAULT_LIMIT;
}

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

function parseCursor(text: string | undefined, wrong: Wrong): Cursor | undefined {
  try {
    return text === undefined ? undefined : readCursor(text);
  } catch (error) {
    return wrong('cursor', messageOf(error));
  }
}
