import { type Job, JOB_STATES, type JobState, parseJob, readJobCommand } from './job.js';
import { listOf, type RecordScripts } from '../records/records.js';

/** Which jobs {@link listJobs} looks for. */
export interface JobFilter {
  /** Undefined: everybody's. */
  owner: string | undefined;
  /** None: any. */
  states: readonly JobState[];
  model?: string;
  requestId?: string;
}

/** Where a page ended. */
export interface Cursor {
  createdMs: number;
  id: string;
}

/** Which page is wanted. */
export interface PageWish {
  limit: number;
  after?: Cursor | undefined;
  /** Nobody waits for the page any more: it goes no further and rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** A page, newest first. It may hold fewer than `limit` and still name a next one. */
export interface Page<T> {
  found: T[];
  next: Cursor | undefined;
}

/** Index entries that are looked at for one page, and of these in one script run: less than a millisecond of Redis. */
const ENTRIES_A_PAGE = 2_000;
const ENTRIES_A_SCRIPT = 200;

/** One page of jobs, newest first, merged from the indexes of the states and models that are asked for. */
export const listJobs = (
  records: RecordScripts,
  { owner, states, model = '', requestId = '' }: JobFilter,
  wish: PageWish,
): Promise<Page<Job>> =>
  readPage(records, ['job:', owner ?? '*', model, requestId, ...(states.length > 0 ? states : JOB_STATES)], {
    ...wish,
    read: async (id, key) => parseJob(id, await records.redis.command(readJobCommand(key))),
  });

/**
 * One page of the records that `list.lua` finds: `kind` is what their keys begin with, `filter` what else it takes. A
 * record that goes before it is read is left out.
 */
export async function readPage<T>(
  records: RecordScripts,
  [kind = '', ...filter]: readonly string[],
  { limit, after, signal, read }: PageWish & { read: (id: string, key: string) => Promise<T | undefined> },
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
  const found = await Promise.all(ids.map((id) => read(id, records.key(kind + id))));
  return { found: found.filter((record) => record !== undefined), next };
}
