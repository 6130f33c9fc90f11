import { JOB_STATES, type JobState } from '../contract/states.js';
import type { Job } from './job.js';
import type { JobStore } from './job-store.js';
import { keyWord, ownerWord } from './record.js';
import { listOf, type RecordScripts } from '../records/records.js';

/** Filter of {@link listJobs}. */
export interface JobFilter {
  /** Undefined finds jobs of every owner. */
  owner: string | undefined;
  /** An empty list finds every state. */
  states: readonly JobState[];
  model?: string | undefined;
  requestId?: string | undefined;
}

/** Position at which a page ended. */
export interface Cursor {
  createdMs: number;
  id: string;
}

/** Position and size of the wanted page. */
export interface PageWish {
  limit: number;
  after?: Cursor | undefined;
  /** Aborted when nobody waits for the page any more: the search stops and rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** A page, newest first. It may hold fewer than `limit` and still name a next one. */
export interface Page<T> {
  found: T[];
  next: Cursor | undefined;
}

/** Index entries read for one page, and for one run of the script, which takes Redis less than a millisecond. */
const ENTRIES_A_PAGE = 2_000;
const ENTRIES_A_SCRIPT = 200;

/** One page of jobs, newest first, merged from the indexes of the states and models that are asked for. */
export function listJobs(
  { records, jobs }: { records: RecordScripts; jobs: JobStore },
  { owner, states, model = '', requestId }: JobFilter,
  wish: PageWish,
): Promise<Page<Job>> {
  const whose = owner === undefined ? '*' : ownerWord(owner);
  const request = requestId === undefined ? '' : keyWord(requestId);
  const wanted = states.length > 0 ? states : JOB_STATES;
  return readPage(records, ['job', whose, model, request, ...wanted], {
    ...wish,
    read: (ids) => jobs.findAll(ids),
  });
}

/**
 * One page of the records that `list.lua` finds, of a `kind`; `filter` holds the script's other arguments. A record that expires
 * before it is read is left out.
 */
export async function readPage<T>(
  records: RecordScripts,
  [kind = '', ...filter]: readonly string[],
  { limit, after, signal, read }: PageWish & { read: (ids: readonly string[]) => Promise<T[]> },
): Promise<Page<T>> {
  const ids: string[] = [];
  let next = after;
  let left = ENTRIES_A_PAGE;
  do {
    signal?.throwIfAborted();
    const place = next ? [next.createdMs.toFixed(3), next.id] : ['', ''];
    const bounds = [limit - ids.length, Math.min(left, ENTRIES_A_SCRIPT)].map(String);
    const [lookedAt, createdMs, id, ...picked] = listOf(
      await records.run('list', [kind, ...place, ...bounds, ...filter]),
    );
    ids.push(...picked.map(String));
    left -= Number(lookedAt);
    next = createdMs === '' ? undefined : { createdMs: Number(createdMs), id: String(id) };
  } while (next && ids.length < limit && left > 0);
  signal?.throwIfAborted();
  return { found: await read(ids), next };
}
