import { bucketOf } from '../stats/histogram.js';
import type { ClaimedJob, MicroBatchRun, Outcome } from './claimed-job.js';
import type { KeepInput } from './job.js';
import { apartWord, creationWord, ownerWord, writeEnd, writeRun } from './record.js';

/** How a job ended, and its result or failure as JSON. */
export interface JobEnd {
  state: 'succeeded' | 'failed';
  json: string;
}

/** A longer end is left for whoever waits for it to read, in characters; parts/ends.lua has the same. */
const LONGEST_TOLD = 16 * 1_024;

/** Jobs of one claim, owner, end and time to live, which the script writes with one command for each set. */
interface EndGroup {
  hold: string;
  owner: string | undefined;
  state: JobEnd['state'];
  ttlMs: number;
  keepInput: KeepInput | undefined;
  hasKeys: boolean;
  ids: string[];
  created: string[];
  records: string[];
  keys: string[];
}

/**
 * What commit.lua is told of the outcomes of a micro-batch, with everything that can be prepared here: records, messages, and
 * what the history counts. `nowMs`: on Redis's clock.
 */
export function commitWords(
  run: MicroBatchRun,
  outcomes: readonly Outcome[],
  endOf: (outcome: Outcome) => JobEnd,
  nowMs: number,
): string[] {
  const groups: EndGroup[] = [];
  const told = new Map<string, string>();
  const [totals, waits] = [new Map<number, number>(), new Map<number, number>()];
  const about = writeRun(run);
  let finishedMs = nowMs;
  for (const { job } of outcomes) finishedMs = Math.max(finishedMs, job.startedMs);
  for (const outcome of outcomes) {
    const { job } = outcome;
    const { createdMs, replyTo, idempotency } = job.record;
    const { state, json } = endOf(outcome);
    const line = writeEnd(job, state, finishedMs, about, json);
    const group = groupOf(groups, job, state);
    group.ids.push(job.id);
    group.created.push(creationWord(job.record));
    group.records.push(`${job.line}\n${line}`);
    if (idempotency !== undefined) group.keys.push(idempotency);
    if (replyTo !== undefined) {
      const message = line.length > LONGEST_TOLD ? job.id : `${job.id} ${line}`;
      const before = told.get(replyTo);
      told.set(replyTo, before === undefined ? message : `${before}\n${message}`);
    }
    count(totals, bucketOf(finishedMs - createdMs));
    count(waits, bucketOf(job.startedMs - createdMs));
  }
  const counts: [field: string, by: number][] = [
    ['batches', 1],
    ['batch_jobs', run.batchSize],
  ];
  for (const { state, ids } of groups) counts.push([state, ids.length]);
  for (const [bucket, by] of totals) counts.push([`t${bucket}`, by]);
  for (const [bucket, by] of waits) counts.push([`w${bucket}`, by]);
  const words = [run.queue, String(outcomes.length), String(told.size), String(counts.length)];
  for (const [process, message] of told) words.push(process, message);
  for (const [field, by] of counts) words.push(field, String(by));
  for (const { hold, owner = '', state, ttlMs, keepInput, hasKeys, ids, created, records, keys } of groups) {
    words.push(`${hold} `, ownerWord(owner), state, String(ttlMs), apartWord(keepInput), hasKeys ? '1' : '');
    words.push(String(Math.floor(finishedMs + ttlMs)), String(ids.length));
    words.push(...ids, ...created, ...records, ...keys);
  }
  return words;
}

/** The group that a job ends in, which is added where there is none. */
function groupOf(groups: EndGroup[], { hold, record }: ClaimedJob, state: JobEnd['state']): EndGroup {
  const { owner, ttlMs, keepInput } = record;
  const hasKeys = record.idempotency !== undefined;
  for (const group of groups) {
    const isSameEnd = group.hold === hold && group.state === state && group.ttlMs === ttlMs;
    if (isSameEnd && group.owner === owner && group.keepInput === keepInput && group.hasKeys === hasKeys) {
      return group;
    }
  }
  const ofJobs = { ids: [], created: [], records: [], keys: [] };
  const group: EndGroup = { hold, owner, state, ttlMs, keepInput, hasKeys, ...ofJobs };
  groups.push(group);
  return group;
}

const count = (histogram: Map<number, number>, bucket: number): void =>
  void histogram.set(bucket, (histogram.get(bucket) ?? 0) + 1);
