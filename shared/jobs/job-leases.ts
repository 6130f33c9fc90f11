import { type FailureCode, PRIORITIES } from '../contract/states.js';
import { messageOf } from '../errors.js';
import type { RedisReply } from '../redis/redis.js';
import { listOf, type RecordScripts } from '../records/records.js';
import type { ClaimedJob, MicroBatchRun, Outcome } from './claimed-job.js';
import { commitWords, type JobEnd } from './commit-words.js';
import { readRecord } from './record.js';

/** A claim of jobs of a queue. Repeated with the same number it gives the same answer again. */
export interface ClaimRequest {
  queue: string;
  /** Who claims: one name for each queue, partition and process, never used again. */
  claimer: string;
  /** Larger than that of every claim of this claimer before. */
  number: number;
  /** Jobs at most. */
  most: number;
  /** Whether other jobs run, or are claimed, at the same time: what is to be claimed by itself is left, then. */
  isBeside: boolean;
}

/** The answer to a {@link ClaimRequest}. */
export interface Claimed {
  jobs: ClaimedJob[];
  /** Ids in the queue that have no readable record, and why. They are out of it. */
  dropped: { id: string; reason: string }[];
  /** Whether more may wait. */
  mayBeMore: boolean;
  /** Time until the next delayed job falls due. */
  nextDueMs: number | undefined;
}

/** What becomes of an outcome; `gone`: there is no record any more. */
export type CommitReply = 'committed' | 'canceled' | 'stale' | 'gone';

/** A held job that goes back after a failure of its own, to be run again after a pause. */
export interface Failed {
  job: ClaimedJob;
  delayMs: number;
  code: FailureCode;
  message: string;
}

/** What became of a job given back to the queue. */
export type GivenBack = 'queued' | 'failed' | 'canceled' | 'stale';

/** How long a job may wait unless QUEUE_TTL_MS says otherwise, in ms. */
export const DEFAULT_QUEUE_TTL_MS = 86_400_000;

/** Takes jobs and gives them back: the worker's side. Rejects with RedisUnavailableError while Redis is away. */
export class JobLeases {
  readonly #records: RecordScripts;
  /** Bytes of a result that a record keeps; a larger one is an `invalid_output`. */
  readonly #maxResultBytes: number;

  constructor(records: RecordScripts, maxResultBytes = DEFAULT_MAX_RESULT_BYTES) {
    this.#records = records;
    this.#maxResultBytes = maxResultBytes;
  }

  /** Takes the first jobs that wait. Safe to repeat: one attempt is counted. One round trip. */
  async claim({ queue, claimer, number, most, isBeside }: ClaimRequest, leaseMs: number): Promise<Claimed> {
    const words = [queue, String(most), String(leaseMs), claimer, String(number), isBeside ? 'beside' : ''];
    const [token, started, more, due, ...lists] = listOf(await this.#records.run('claim', words));
    const [ids = [], lines = [], attempts = [], again = [], apart = [], inputs = []] = lists.map(listOf);
    const hold = `${String(token)} ${claimer}:${number}`;
    const startedMs = Number(started);
    const claimed: Claimed = {
      jobs: [],
      dropped: [],
      mayBeMore: more === 1,
      nextDueMs: due === '' || due === undefined ? undefined : Number(due),
    };
    for (let n = 0; n < ids.length; n += 1) {
      const [id, line] = [String(ids[n]), lines[n]];
      try {
        if (typeof line !== 'string') throw new Error('there is no record');
        const record = readRecord(id, line);
        // Places are counted from 1.
        const input = record.inputJson ?? inputs[apart.indexOf(n + 1)] ?? '{}';
        claimed.jobs.push({
          id,
          hold,
          attempts: Number(attempts[n]),
          isFirst: again.length === 0 || !again.includes(n + 1),
          startedMs,
          waitedMs: Math.max(0, startedMs - record.createdMs),
          input: JSON.parse(String(input)) as Record<string, unknown>,
          record,
          line,
        });
      } catch (error) {
        claimed.dropped.push({ id, reason: messageOf(error) });
      }
    }
    return claimed;
  }

  /** Whether any job waits in one of these queues. One command: idle workers ask once a second. */
  async anyWaits(queues: readonly string[]): Promise<boolean> {
    const lanes = queues.flatMap((queue) =>
      PRIORITIES.map((lane) => this.#records.key(`queued:${queue}:${lane}`)),
    );
    return Number(await this.#records.redis.command(['EXISTS', ...lanes])) > 0;
  }

  /** Extends leases. `canceling`: still held, result unwanted. `lost`: another may run it; stop caring. */
  async renew(jobs: readonly ClaimedJob[], leaseMs: number): Promise<('ok' | 'canceling' | 'lost')[]> {
    const words = jobs.flatMap(({ id, hold }) => [id, hold]);
    const reply = await this.#records.run('renew', [String(leaseMs), ...words]);
    return listOf(reply).map((word) => (word === 'ok' || word === 'canceling' ? word : 'lost'));
  }

  /**
   * Writes the outcomes of single jobs, each another one, that ran together where their claims still hold the jobs, all at the same moment. Safe to repeat: an
   * outcome that was written is `committed` again, and counts once. One round trip, and more where a job was canceled or lost.
   */
  async commit(run: MicroBatchRun, outcomes: readonly Outcome[]): Promise<CommitReply[]> {
    const replies = new Map<Outcome, CommitReply>();
    let left = outcomes;
    while (left.length > 0) {
      const words = commitWords(run, left, this.#endOf, this.#records.redis.nowMs());
      // Where it can not write all of them it writes none, and says why.
      const refusals = listOf(await this.#records.run('commit', words));
      const wordOf = new Map<RedisReply, RedisReply>();
      for (let n = 0; n + 1 < refusals.length; n += 2) {
        wordOf.set(refusals[n] ?? null, refusals[n + 1] ?? null);
      }
      const held: Outcome[] = [];
      const unwanted: Outcome[] = [];
      for (const outcome of left) {
        const word = refusals.length === 0 ? 'committed' : (wordOf.get(outcome.job.id) ?? null);
        if (word === 'held') held.push(outcome);
        else if (word === 'canceling') unwanted.push(outcome);
        else replies.set(outcome, commitReplyOf(word));
      }
      if (unwanted.length > 0) {
        const ends = await this.release(unwanted.map(({ job }) => job));
        unwanted.forEach((outcome, n) => replies.set(outcome, ends[n] === 'canceled' ? 'canceled' : 'stale'));
      }
      left = held;
    }
    return outcomes.map((outcome) => replies.get(outcome) ?? 'stale');
  }

  readonly #endOf = ({ verdict }: Outcome): JobEnd => {
    if (!verdict.ok) return { state: 'failed', json: failureJson(verdict.code, verdict.message) };
    const json = JSON.stringify(verdict.result);
    // Most are short: a character has three bytes at most.
    if (3 * json.length <= this.#maxResultBytes || Buffer.byteLength(json) <= this.#maxResultBytes) {
      return { state: 'succeeded', json };
    }
    const message = `the result has ${Buffer.byteLength(json)} bytes, more than MAX_RESULT_BYTES allows`;
    return { state: 'failed', json: failureJson('invalid_output', message) };
  };

  /** Gives jobs back after a failure of their own; the attempt counts, and they are claimed by themselves from now on. */
  retry(failures: readonly Failed[]): Promise<GivenBack[]> {
    const words = failures.flatMap(({ job, delayMs, code, message }) => [
      job.id,
      job.hold,
      String(Math.round(delayMs)),
      code,
      message,
    ]);
    return this.#giveBack('retry', words);
  }

  /**
   * Gives jobs back that are not to blame, to where they stood; the attempt does not count. With `alone` each is claimed
   * by itself from now on: one of them is to blame, and nobody can say which.
   */
  release(jobs: readonly ClaimedJob[], mode: 'release' | 'alone' = 'release'): Promise<GivenBack[]> {
    return this.#giveBack(
      mode,
      jobs.flatMap(({ id, hold }) => [id, hold, '0', '', '']),
    );
  }

  async #giveBack(mode: 'retry' | 'release' | 'alone', words: readonly string[]): Promise<GivenBack[]> {
    return listOf(await this.#records.run('give-back', [mode, ...words])).map((kind) =>
      kind === 'queued' || kind === 'failed' || kind === 'canceled' ? kind : 'stale',
    );
  }
}

/** Largest result unless MAX_RESULT_BYTES says otherwise, in bytes. */
export const DEFAULT_MAX_RESULT_BYTES = 1_048_576;

const failureJson = (code: FailureCode, message: string): string => JSON.stringify({ code, message });

/** Reads the answer to one outcome. */
export const commitReplyOf = (word: RedisReply): CommitReply =>
  word === 'committed' || word === 'canceled' || word === 'gone' ? word : 'stale';
