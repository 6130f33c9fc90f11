import type { Cursor } from '../../shared/jobs/job-list.js';
import { JOB_STATES, type JobState } from '../../shared/contract/states.js';
import { PAGE_LIMIT, readCursor } from './cursor.js';
import { readQuery, readText, readWhole } from '../http/query.js';

/** What a list of jobs was asked for. */
export interface ListQuery {
  states: JobState[];
  model: string | undefined;
  requestId: string | undefined;
  limit: number;
  after: Cursor | undefined;
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
