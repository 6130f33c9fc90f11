import { type FailureCode, PRIORITIES } from '../contract/states.js';
import type { RedisReply } from '../redis/redis.js';
import { listOf, type RecordScripts } from '../records/records.js';
import { apartWord, type JobRecord, NONE, ownerWord, readRecord, writeRun } from './record.js';

/** A job as a worker holds it after a claim. */
export interface ClaimedJob {
  id: string;
  /** Fencing token and claim id, as `holds` has them: writes of an earlier holder are refused. */
  hold: string;
  /** This attempt's number. */
  attempts: number;
  /** Whether no claim took it before; false where that is not known. */
  isFirst: boolean;
  /** Start of this attempt, Unix ms of Redis's clock. */
  startedMs: number;
  /** From its submission to this claim. */
  waitedMs: number;
  input: Record<string, unknown>;
  requestId: string | undefined;
  traceparent: string | undefined;
  record: JobRecord;
}

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

/** The end of one run of one job. */
export type Verdict =
  | { ok: true; result: Record<string, unknown> }
  | { ok: false; code: FailureCode; message: string };

/** A held job and its end. */
export interface Outcome {
  job: ClaimedJob;
  verdict: Verdict;
}

/** A held job that goes back after a failure of its own, to be run again after a pause. */
export interface Failed {
  job: ClaimedJob;
  delayMs: number;
  code: FailureCode;
  message: string;
}

/** What all outcomes of one micro-batch share. */
export interface MicroBatchRun {
  queue: string;
  modelVersion: string;
  prepareMs: number;
  predictMs: number;
  batchSize: number;
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
    const [token, started, more, due, ...flat] = listOf(await this.#records.run('claim', words));
    const claim = { hold: `${String(token)} ${claimer}:${number}`, startedMs: Number(started) };
    const claimed: Claimed = {
      jobs: [],
      dropped: [],
      mayBeMore: more === 1,
      nextDueMs: due === '' || due === undefined ? undefined : Number(due),
    };
    for (let at = 0; at + 4 < flat.length; at += 5) {
      const [id, text, attempts, input, first] = flat.slice(at, at + 5).map(String);
      if (id === undefined || text === undefined) continue;
      try {
        if (text === '') throw new Error('there is no record');
        const isFirst = first === '1';
        claimed.jobs.push(claimedJob(id, text, { ...claim, attempts: Number(attempts), isFirst, input }));
      } catch (error) {
        claimed.dropped.push({ id, reason: error instanceof Error ? error.message : String(error) });
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
   * Writes the outcomes of a micro-batch where their claims still hold the jobs. Safe to repeat: an outcome that was written
   * is `committed` again, and counts once. One round trip.
   */
  async commit(run: MicroBatchRun, outcomes: readonly Outcome[]): Promise<CommitReply[]> {
    const words = outcomes.flatMap(({ job, verdict }) => this.#wordsOf(job, run, verdict));
    const reply = await this.#records.run('commit', [run.queue, String(run.batchSize), ...words]);
    return listOf(reply).map(commitReplyOf);
  }

  #wordsOf(job: ClaimedJob, run: MicroBatchRun, verdict: Verdict): string[] {
    const { id, hold, record, startedMs } = job;
    const { owner = '', model, createdMs, ttlMs, replyTo, idempotency, keepInput } = record;
    const [state, json] = this.#endOf(verdict);
    return [
      id,
      `${hold} `,
      ownerWord(owner),
      model,
      createdMs.toFixed(3),
      String(ttlMs),
      replyTo ?? NONE,
      idempotency ?? NONE,
      apartWord(keepInput),
      startedMs.toFixed(3),
      state,
      writeRun(job, run, json),
    ];
  }

  #endOf(verdict: Verdict): ['succeeded' | 'failed', string] {
    if (!verdict.ok) return ['failed', failureJson(verdict.code, verdict.message)];
    const json = JSON.stringify(verdict.result);
    // Most are short: a character has three bytes at most.
    if (3 * json.length <= this.#maxResultBytes || Buffer.byteLength(json) <= this.#maxResultBytes) {
      return ['succeeded', json];
    }
    const message = `the result has ${Buffer.byteLength(json)} bytes, more than MAX_RESULT_BYTES allows`;
    return ['failed', failureJson('invalid_output', message)];
  }

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

function claimedJob(
  id: string,
  text: string,
  {
    hold,
    startedMs,
    attempts,
    isFirst,
    input,
  }: { hold: string; startedMs: number; attempts: number; isFirst: boolean; input: string | undefined },
): ClaimedJob {
  const record = readRecord(id, text);
  const { about } = record;
  return {
    id,
    hold,
    attempts,
    isFirst,
    startedMs,
    waitedMs: Math.max(0, startedMs - record.createdMs),
    input: JSON.parse(input || (record.inputJson ?? '{}')) as Record<string, unknown>,
    requestId: record.requestId,
    traceparent: about.traceparent,
    record,
  };
}
