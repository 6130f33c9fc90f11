import type { RecordScripts } from '../records/records.js';
import { byModelAndOwner, isDelayed, jobWrites } from './job-writes.js';
import { type Accepting, type Group, OF_MANY, wordOf } from './new-job.js';
import { creationWord, NONE, ownerWord } from './record.js';

/** Jobs that are to wait in one lane, in their order. */
export interface Run {
  head: string[];
  jobs: Accepting[];
}

/** What accept.lua is told of groups of jobs, no two of them with one key, and of their {@link runsOf}. */
export function acceptWords(
  records: RecordScripts,
  groups: readonly Group[],
  runs: readonly Run[],
): string[] {
  const commands = byModelAndOwner(groups.flatMap(({ jobs }) => jobs)).flatMap((some) =>
    jobWrites(records, some),
  );
  const keys = groups.flatMap((group) => keyTexts(records, group));
  if (keys.length > 0) commands.push(['MSET', ...keys]);
  const words = [String(groups.length), String(runs.length), String(commands.length)];
  for (const { key, jobs } of groups) {
    const queues = byModelAndOwner(jobs);
    words.push(key ? wordOf(key) : NONE, ownerWord(jobs[0]?.job.owner ?? ''), String(queues.length));
    for (const { model, jobs: some } of queues) {
      words.push(model, String(some.length), String(some[0]?.maxDepth));
    }
  }
  for (const { head, jobs } of runs) {
    words.push(...head, String(jobs.length));
    for (const { job, record } of jobs) words.push(job.id, creationWord(record));
  }
  for (const command of commands) words.push(String(command.length), ...command);
  return words;
}

/** Jobs without a delay, by lane, owner and weight. accept.lua answers their places in this order. */
export function runsOf(groups: readonly Group[]): Run[] {
  const runs = new Map<string, Run>();
  for (const one of groups.flatMap(({ jobs }) => jobs)) {
    if (isDelayed(one.record)) continue;
    const { priority, weight } = one.record;
    const head = [one.job.model, priority, ownerWord(one.job.owner), String(weight)];
    const name = head.join(' ');
    const run = runs.get(name);
    if (run) run.jobs.push(one);
    else runs.set(name, { head, jobs: [one] });
  }
  return [...runs.values()];
}

/** What Redis keeps of an Idempotency-Key: what it has made, and the fingerprint of its request. */
export const keyText = ({ makes, fingerprint }: NonNullable<Group['key']>): string =>
  `${makes} ${fingerprint}`;

/** The texts of a group's key: what it has made, and of one of many how many of its jobs have not ended. */
function keyTexts(records: RecordScripts, { key, jobs }: Group): string[] {
  if (!key || jobs.length === 0) return [];
  const name = records.key(`key:${wordOf(key)}`);
  const texts = [name, keyText(key)];
  const isMany = jobs[0]?.record.idempotency?.endsWith(OF_MANY) ?? false;
  return isMany ? [...texts, `${name}:open`, String(jobs.length)] : texts;
}
