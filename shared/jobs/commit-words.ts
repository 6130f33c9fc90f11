import { bucketOf } from '../stats/histogram.js';
import type { MicroBatchRun, Outcome } from './claimed-job.js';
import { apartWord, creationWord, ownerWord, writeEnd, writeRun } from './record.js';

/** How a job ended, and its result or failure as JSON. */
export interface JobEnd {
  state: 'succeeded' | 'failed';
  json: string;
}

/** A longer end is left for whoever waits for it to read, in characters; parts/ends.lua has the same. */
const LONGEST_TOLD = 16 * 1_024;

/** Jobs of one claim, owner and end, which the script writes with one command for each set. */
interface EndGroup {
  head: string[];
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
  const groups = new Map<string, EndGroup>();
  const told = new Map<string, string>();
  const counts = new Map<string, number>([
    ['batches', 1],
    ['batch_jobs', run.batchSize],
  ]);
  const count = (field: string): void => void counts.set(field, (counts.get(field) ?? 0) + 1);
  const about = writeRun(run);
  for (const outcome of outcomes) {
    const { job } = outcome;
    const { owner = '', createdMs, ttlMs, replyTo, idempotency, keepInput } = job.record;
    const { state, json } = endOf(outcome);
    const finishedMs = Math.max(nowMs, job.startedMs);
    const line = writeEnd(job, state, finishedMs, about, json);
    const head = [`${job.hold} `, ownerWord(owner), state, String(ttlMs)];
    head.push(apartWord(keepInput), idempotency === undefined ? '' : '1');
    const name = head.join('\n');
    let group = groups.get(name);
    if (!group) {
      group = {
        head: [...head, String(Math.floor(finishedMs + ttlMs))],
        ids: [],
        created: [],
        records: [],
        keys: [],
      };
      groups.set(name, group);
    }
    group.ids.push(job.id);
    group.created.push(creationWord(job.record));
    group.records.push(`${job.line}\n${line}`);
    if (idempotency !== undefined) group.keys.push(idempotency);
    if (replyTo !== undefined) {
      const message = line.length > LONGEST_TOLD ? job.id : `${job.id} ${line}`;
      const before = told.get(replyTo);
      told.set(replyTo, before === undefined ? message : `${before}\n${message}`);
    }
    count(state);
    count(`t${bucketOf(finishedMs - createdMs)}`);
    count(`w${bucketOf(job.startedMs - createdMs)}`);
  }
  const words = [run.queue, String(outcomes.length), String(told.size), String(counts.size)];
  for (const [process, message] of told) words.push(process, message);
  for (const [field, by] of counts) words.push(field, String(by));
  for (const { head, ids, created, records, keys } of groups.values()) {
    words.push(...head, String(ids.length), ...ids, ...created, ...records, ...keys);
  }
  return words;
}
