import type { RecordScripts } from '../records/records.js';
import type { Accepting } from './new-job.js';
import { creationWord, lateWord, ownerWord, requestEntry } from './record.js';

/** Time to live of a minute of the history, in ms. */
const HISTORY_MS = 25 * 3_600_000;

/** Jobs of one model and one owner. */
export interface OwnersJobs {
  model: string;
  owner: string;
  jobs: Accepting[];
}

/** Jobs by model and owner, in their order. */
export function byModelAndOwner(jobs: readonly Accepting[]): OwnersJobs[] {
  const groups = new Map<string, OwnersJobs>();
  for (const one of jobs) {
    const { model, owner } = one.job;
    const name = `${model} ${owner}`;
    const group = groups.get(name);
    if (group) group.jobs.push(one);
    else groups.set(name, { model, owner, jobs: [one] });
  }
  return [...groups.values()];
}

/** The commands that write new jobs, but for their places in the order. */
export function jobWrites(records: RecordScripts, { model, owner, jobs }: OwnersJobs): string[][] {
  const key = (name: string): string => records.key(name);
  const word = ownerWord(owner);
  const texts: string[] = [];
  const created: string[] = [];
  const deadlines: string[] = [];
  const requests: string[] = [];
  const delayed: string[] = [];
  for (const { job, record, inputJson, line } of jobs) {
    texts.push(key(`job:${job.id}`), line);
    if (record.keepInput) texts.push(key(`in:${job.id}`), inputJson);
    created.push(creationWord(record), job.id);
    deadlines.push(lateWord(record), job.id);
    const request = requestEntry(job.id, record);
    if (request !== '') requests.push('0', request);
    if (isDelayed(record)) delayed.push(record.startsMs.toFixed(3), job.id);
  }
  const minute = key(`minute:${model}:${Math.floor((jobs.at(-1)?.record.createdMs ?? 0) / 60_000)}`);
  const count = String(jobs.length);
  const commands = [
    ['MSET', ...texts],
    ['ZADD', key(`index:open:${word}:${model}`), ...created],
    ['ZADD', key('deadlines'), ...deadlines],
    ['HINCRBY', key('counts'), `${model}:submitted`, count],
    ['HINCRBY', minute, 'submitted', count],
    ['PEXPIRE', minute, String(HISTORY_MS)],
  ];
  if (requests.length > 0) commands.push(['ZADD', key('requests'), ...requests]);
  if (delayed.length > 0) commands.push(['ZADD', key(`delayed:${model}`), ...delayed]);
  if (owner !== '') {
    commands.push(['SADD', key('owners'), word], ['HINCRBY', key(`waiting:${model}`), word, count]);
  }
  return commands;
}

/** Whether a job waits for its start before it waits for a worker. */
export const isDelayed = ({ startsMs, createdMs }: Accepting['record']): boolean => startsMs > createdMs;
