import { type Job, type JobState, parseJob, readJobCommand } from './job.js';
import { listOf, type RecordScripts } from './record-scripts.js';

/** Which jobs {@link listJobs} looks for. */
export interface JobFilter {
  /** Undefined: everybody's. */
  owner: string | undefined;
  states: readonly JobState[];
  model?: string;
  requestId?: string;
  /** Queues whose waiting jobs count when `queued` is asked for. */
  queues: readonly string[];
}

/** Where a page ended. */
export interface Cursor {
  createdMs: number;
  id: string;
}

/** A page of jobs, newest first. */
export interface JobPage {
  jobs: Job[];
  next: Cursor | undefined;
}

/** Index entries that one script run looks at, and runs for one page: what no job matches ends there, with a cursor. */
const SCAN_ENTRIES = 2_000;
const SCANS_PER_PAGE = 25;

/**
 * One page of jobs, newest first. Each state that is asked for has the narrowest index that holds it; the indexes
 * are walked side by side and merged. A page may hold fewer than `limit` jobs and still name a next one.
 */
export async function listJobs(
  records: RecordScripts,
  filter: JobFilter,
  { limit, after }: { limit: number; after?: Cursor | undefined },
): Promise<JobPage> {
  const indexes = await indexesFor(records, filter);
  const walks = await Promise.all(indexes.map((index) => walk(records, index, { filter, limit, after })));
  const found = walks.flatMap((w) => w.jobs).toSorted(newestFirst);
  // Past the nearest end of an unfinished walk, other jobs may lie in between: the page stops there.
  const frontier = walks.flatMap((w) => (w.stoppedAt ? [w.stoppedAt] : [])).toSorted(newestFirst)[0];
  const reachable = found.filter((job) => !frontier || newestFirst(job, frontier) <= 0);
  const jobs = reachable.slice(0, limit);
  const last = jobs.at(-1);
  const next = reachable.length > limit && last ? { createdMs: last.createdMs, id: last.id } : frontier;
  return { jobs, next };
}

interface Walk {
  jobs: Job[];
  /** Undefined when the index has no further entries. */
  stoppedAt: Cursor | undefined;
}

async function walk(
  records: RecordScripts,
  index: string,
  { filter, limit, after }: { filter: JobFilter; limit: number; after?: Cursor | undefined },
): Promise<Walk> {
  const ids: string[] = [];
  let position = after;
  for (let scans = 0; scans < SCANS_PER_PAGE; scans += 1) {
    const [more, createdMs, id, ...picked] = listOf(
      await records.run('list', listArguments(filter, { position, wanted: limit - ids.length }), [
        records.key(index),
      ]),
    );
    ids.push(...picked.map(String));
    position = createdMs === '' ? undefined : { createdMs: Number(createdMs), id: String(id) };
    if (more === 'end' || ids.length >= limit) {
      return { jobs: await findAll(records, ids), stoppedAt: more === 'end' ? undefined : position };
    }
  }
  return { jobs: await findAll(records, ids), stoppedAt: position };
}

function listArguments(
  filter: JobFilter,
  { position, wanted }: { position: Cursor | undefined; wanted: number },
): string[] {
  return [
    position ? position.createdMs.toFixed(3) : '',
    position?.id ?? '',
    String(wanted),
    String(SCAN_ENTRIES),
    filter.owner ?? '*',
    filter.model ?? '',
    filter.requestId ?? '',
    ...filter.states,
  ];
}

async function indexesFor(records: RecordScripts, filter: JobFilter): Promise<string[]> {
  const { owner, states, requestId, queues } = filter;
  if (requestId !== undefined) {
    const owners = owner === undefined ? ['', ...(await everyOwner(records))] : [owner];
    return owners.map((one) => `request:${one}:${requestId}`);
  }
  const all = owner === undefined ? 'index:all' : `index:owner:${owner}`;
  // An owner's own index for waiting jobs, too: where a page ends must not tell of the jobs of others.
  const inAll: readonly JobState[] = owner === undefined ? ['succeeded'] : ['succeeded', 'queued'];
  if (states.length === 0 || states.some((state) => inAll.includes(state))) return [all];
  const indexes = states.flatMap((state) => {
    if (state === 'queued') return queues.map((queue) => `queued:${queue}`);
    if (state === 'running' || state === 'canceling') return ['running'];
    return [`${all}:${state}`];
  });
  return [...new Set(indexes)];
}

const everyOwner = async (records: RecordScripts): Promise<string[]> =>
  listOf(await records.redis.command(['SMEMBERS', records.key('owners')])).map(String);

async function findAll(records: RecordScripts, ids: readonly string[]): Promise<Job[]> {
  const jobs = await Promise.all(
    ids.map(async (id) =>
      parseJob(id, await records.redis.command(readJobCommand(records.key(`job:${id}`)))),
    ),
  );
  return jobs.filter((job) => job !== undefined);
}

const newestFirst = (a: Cursor, b: Cursor): number =>
  b.createdMs - a.createdMs || (a.id === b.id ? 0 : a.id < b.id ? 1 : -1);
