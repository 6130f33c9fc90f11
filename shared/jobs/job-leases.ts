import { type BeeKeys, type Delivery, parseTransportId } from '../queue/bee-queue.js';
import type { RedisReply } from '../redis/redis.js';
import type { FailureCode } from '../contract/states.js';
import { listOf, type RecordScripts } from '../records/records.js';

/** A job as a worker holds it after a claim. */
export interface ClaimedJob {
  id: string;
  /** Fencing token: writes of an earlier holder are refused. */
  token: number;
  /** Of the claim that took it: writes of another one are refused, should a failover let a token come again. */
  claimId: string;
  attempts: number;
  maxAttempts: number;
  timeoutMs: number;
  input: Record<string, unknown>;
  requestId: string | undefined;
  traceparent: string | undefined;
  /** From its submission to this claim, by Redis's clock. */
  waitedMs: number;
}

/** A delivery that a worker wants to run. */
export interface ClaimRequest extends Delivery {
  /** Of this worker and this handing out of the delivery alone; the same each time that the claim is repeated. */
  claimId: string;
}

/** What a claim takes from Bee-Queue beside what was delivered. */
export interface TakeAlong {
  /** Of this call alone; the same when it is repeated. */
  claimId: string;
  /** Deliveries, at most. */
  most: number;
  /** Whether this call was sent before and its answer got lost: it takes what that one took, and nothing more. */
  isRepeated: boolean;
  /** Whether other jobs run meanwhile: what is to be claimed by itself is left, then. @default false */
  isAhead?: boolean;
}

/** A delivery that a claim took along, and what became of its job. */
export interface TakenAlong {
  /** Bee-Queue's name of the delivery. */
  transportId: string;
  claim: Claim;
}

/**
 * A claim of one job; `later`: a job that is claimed by itself stood in the way, or is this one, and a call of its own gets
 * it. Anything else but `run` means that there is nothing to do for this worker.
 */
export type Claim =
  | { kind: 'run'; job: ClaimedJob }
  | { kind: 'gone' | 'unreadable' | 'busy' | 'ended' | 'later'; id: string };

/** A held job, for renewals and commits. */
export type Hold = Pick<ClaimedJob, 'id' | 'token' | 'claimId'>;

/** What becomes of an outcome; `gone`: there is no record any more. */
export type CommitReply = 'committed' | 'canceled' | 'stale' | 'gone';

/** The outcome of one run of one job. */
export type Outcome = Hold &
  ({ ok: true; result: Record<string, unknown> } | { ok: false; code: FailureCode; message: string });

/** What all outcomes of one micro-batch share. */
export interface MicroBatchRun {
  queue: string;
  modelVersion: string;
  prepareMs: number;
  predictMs: number;
  batchSize: number;
}

/** What became of a job given back to the queue. */
export type Requeued = { kind: 'queued'; delivery: number } | { kind: 'failed' | 'canceled' | 'stale' };

/** How long a job may wait unless QUEUE_TTL_MS says otherwise, in ms. */
export const DEFAULT_QUEUE_TTL_MS = 86_400_000;

/** Takes jobs and gives them back: the worker's side. Rejects with RedisUnavailableError while Redis is away. */
export class JobLeases {
  readonly #records: RecordScripts;
  readonly #queueTtlMs: string;

  /** `queueTtlMs`: jobs that have waited for longer end as `expired` where they are claimed. */
  constructor(records: RecordScripts, queueTtlMs = DEFAULT_QUEUE_TTL_MS) {
    this.#records = records;
    this.#queueTtlMs = String(queueTtlMs);
  }

  /**
   * Takes jobs for a worker, one claim a request in the same order. Safe to repeat: a claim whose answer got lost is
   * answered again, and counts one attempt. With `isAhead` what is to be claimed by itself is left. One round trip.
   */
  async claim(requests: readonly ClaimRequest[], leaseMs: number, isAhead = false): Promise<Claim[]> {
    const nothing = { claimId: '', most: 0, isRepeated: false, isAhead };
    const claims = listOf(await this.#records.run('claim', this.#claimWords(requests, nothing, leaseMs)));
    return requests.map((request, index) => parseClaim(request, listOf(claims[index])));
  }

  /**
   * The same, and takes along the oldest deliveries that wait in `queue`: they count as taken by a worker until
   * {@link endDeliveries}. `waiting` is how many are left. One round trip for all.
   */
  async claimAlong(
    requests: readonly ClaimRequest[],
    queue: BeeKeys,
    along: TakeAlong,
    leaseMs: number,
  ): Promise<{ claims: Claim[]; taken: TakenAlong[]; waiting: number }> {
    const words = this.#claimWords(requests, along, leaseMs);
    const reply = listOf(await this.#records.run('claim', words, [queue.waiting, queue.active]));
    const waiting = Number(reply.pop());
    const taken: TakenAlong[] = [];
    for (let at = requests.length; at < reply.length; at += 2) {
      const transportId = String(reply[at]);
      const jobId = parseTransportId(transportId)?.jobId ?? transportId;
      taken.push({ transportId, claim: parseClaim({ ...along, jobId }, listOf(reply[at + 1])) });
    }
    const claims = requests.map((request, index) => parseClaim(request, listOf(reply[index])));
    return { claims, taken, waiting };
  }

  #claimWords(requests: readonly ClaimRequest[], along: TakeAlong, leaseMs: number): string[] {
    const { claimId, most, isRepeated, isAhead = false } = along;
    const flags = [isRepeated ? 'again' : '', this.#queueTtlMs, isAhead ? 'ahead' : ''];
    return [String(leaseMs), String(most), claimId, ...flags, ...requests.flatMap(wordsOf)];
  }

  /** Takes deliveries out of Bee-Queue that a claim took along and that are dealt with. */
  async endDeliveries(transportIds: readonly string[], queue: BeeKeys): Promise<void> {
    await this.#records.run('spent', transportIds, [queue.jobs, queue.active, queue.stalling]);
  }

  /** Extends leases. `canceling`: still held, result unwanted. `lost`: another may run it; stop caring. */
  async renew(holds: readonly Hold[], leaseMs: number): Promise<('ok' | 'canceling' | 'lost')[]> {
    const reply = await this.#records.run('renew', [String(leaseMs), ...holds.flatMap(wordsOfHold)]);
    return listOf(reply).map((word) => (word === 'ok' || word === 'canceling' ? word : 'lost'));
  }

  /**
   * Writes the outcomes of a micro-batch where their claims still hold the jobs. Safe to repeat: an outcome that was written
   * is `committed` again, and counts once. One round trip.
   */
  async commit(run: MicroBatchRun, outcomes: readonly Outcome[]): Promise<CommitReply[]> {
    const reply = await this.#records.run('commit', [
      run.queue,
      run.modelVersion,
      run.prepareMs.toFixed(3),
      run.predictMs.toFixed(3),
      String(run.batchSize),
      ...outcomes.flatMap((o) => [
        ...wordsOfHold(o),
        o.ok ? 'succeeded' : 'failed',
        o.ok ? '' : o.code,
        o.ok ? JSON.stringify(o.result) : o.message,
      ]),
    ]);
    return listOf(reply).map(commitReplyOf);
  }

  /**
   * Gives jobs back after a failure of their own; the attempt counts, and they are claimed by themselves from now on.
   * `queued` ones still have to be put into Bee-Queue, after a pause.
   */
  async retry(failures: readonly (Hold & { code: FailureCode; message: string })[]): Promise<Requeued[]> {
    return this.#requeue('retry', failures);
  }

  /**
   * Gives jobs back that are not to blame, before all that wait; the attempt does not count. With `apart` they are claimed
   * by themselves from now on: one of them is to blame, and nobody can say which.
   */
  async release(holds: readonly Hold[], mode: 'release' | 'apart' = 'release'): Promise<Requeued[]> {
    return this.#requeue(
      mode,
      holds.map((hold) => ({ ...hold, code: '', message: '' })),
    );
  }

  /**
   * New deliveries for those that a worker hands back without having run them, also where Redis took a claim whose
   * answer got lost; undefined where the job no longer waits. `claimId` is empty for what was never to be claimed.
   */
  async redeliver(requests: readonly ClaimRequest[]): Promise<(number | undefined)[]> {
    const replies = listOf(await this.#records.run('redeliver', requests.flatMap(wordsOf)));
    return replies.map((reply) => Number(reply) || undefined);
  }

  async #requeue(
    mode: 'retry' | 'release' | 'apart',
    jobs: readonly (Hold & { code: string; message: string })[],
  ): Promise<Requeued[]> {
    const args = jobs.flatMap((job) => [...wordsOfHold(job), job.code, job.message]);
    return listOf(await this.#records.run('requeue', [mode, ...args])).map((reply) => {
      const [kind, delivery] = listOf(reply);
      if (kind === 'queued') return { kind, delivery: Number(delivery) };
      return { kind: kind === 'failed' || kind === 'canceled' ? kind : 'stale' };
    });
  }
}

const wordsOf = ({ jobId, delivery, claimId }: ClaimRequest): string[] => [jobId, String(delivery), claimId];

/** How scripts are told which claim of a job a call is for. */
export const wordsOfHold = ({ id, token, claimId }: Hold): string[] => [id, String(token), claimId];

/** Reads the answer to one outcome. */
export const commitReplyOf = (word: RedisReply): CommitReply =>
  word === 'committed' || word === 'canceled' || word === 'gone' ? word : 'stale';

function parseClaim(
  { jobId: id, claimId }: Pick<ClaimRequest, 'jobId' | 'claimId'>,
  reply: RedisReply[],
): Claim {
  const [kind, token, attempts, maxAttempts, timeoutMs, input, requestId, traceparent, waitedMs] = reply;
  if (kind === 'run') {
    return {
      kind,
      job: {
        id,
        token: Number(token),
        claimId,
        attempts: Number(attempts),
        maxAttempts: Number(maxAttempts),
        timeoutMs: Number(timeoutMs),
        input: JSON.parse(String(input)) as Record<string, unknown>,
        requestId: requestId ? String(requestId) : undefined,
        traceparent: traceparent ? String(traceparent) : undefined,
        waitedMs: Number(waitedMs),
      },
    };
  }
  const isKnown = kind === 'busy' || kind === 'ended' || kind === 'unreadable' || kind === 'later';
  return { kind: isKnown ? kind : 'gone', id };
}
