import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { jobIds } from '../../shared/batches/chunk-queue.js';
import { messageOf } from '../../shared/errors.js';
import type { FailureCode } from '../../shared/jobs/job.js';
import type {
  MicroBatchRun,
  ClaimRequest,
  CommitReply,
  Hold,
  JobLeases,
  Outcome,
  Requeued,
} from '../../shared/jobs/job-leases.js';
import type { Logger } from '../../shared/log/logger.js';
import type { Producers } from '../../shared/queue/producers.js';
import type { SpanAttributes } from '../../shared/tracing/tracer.js';
import type { LaneMetrics } from '../metrics.js';
import { backoffMs, REDIS_BACKOFF, RETRY_BACKOFF } from '../../shared/process/backoff.js';
import type { HeldJob } from './held-job.js';
import type { LeaseKeeper } from './lease-keeper.js';

/** How a decided job ends: an outcome without its fencing token. */
export type Verdict = { ok: true; result: Record<string, unknown> } | Failed;
interface Failed {
  ok: false;
  code: FailureCode;
  message: string;
}

/** Longest error message of a model that a record keeps, in characters. */
const MESSAGE_LENGTH = 500;

/** The message of an error, as a record keeps it. */
export const failureMessageOf = (error: unknown): string => messageOf(error).slice(0, MESSAGE_LENGTH);

/** A delivery that this worker took and has not claimed, as far as it knows. */
export interface Unclaimed {
  request: ClaimRequest;
  done: () => void;
}

/** What a settlement works with. */
export interface SettlementOptions {
  /** Queue of the jobs: where they go back to. */
  queue: string;
  leases: JobLeases;
  producers: Producers;
  keeper: LeaseKeeper;
  metrics: LaneMetrics;
  log: Logger;
}

/**
 * Writes what became of jobs: outcomes, retries, releases. Each call is repeated until Redis takes it, which is safe
 * since the scripts check which claim holds the job, and ends the jobs' deliveries. Nothing here rejects.
 */
export class Settlement {
  readonly #options: SettlementOptions;
  readonly #pending = new Set<Promise<void>>();
  readonly #abandoned = new AbortController();
  /** Jobs and deliveries that went back to the queue without having been run to an end here. */
  givenBack = 0;
  /** Jobs of which Redis did not take what became of them before the worker had to leave: their leases end. */
  notWritten = 0;

  constructor(options: SettlementOptions) {
    this.#options = options;
    // While Redis is away every call that has to be repeated waits for it: any number, and no leak.
    setMaxListeners(0, this.#abandoned.signal);
  }

  /** Ends jobs that have been run. `onCommitted` is told how many of the outcomes counted. */
  commit(
    run: MicroBatchRun,
    verdicts: readonly { job: HeldJob; verdict: Verdict }[],
    onCommitted: (jobs: number) => void = () => undefined,
  ): void {
    const { leases } = this.#options;
    const outcomes = verdicts.map(({ job, verdict }): Outcome => ({ ...holdOf(job), ...verdict }));
    const jobs = verdicts.map(({ job }) => job);
    this.#track(jobs, async () => {
      const replies = await this.through('commit', () => leases.commit(run, outcomes));
      onCommitted(replies?.filter((reply) => reply === 'committed').length ?? 0);
      verdicts.forEach(({ job, verdict }, index) => {
        if (job.span.isRecorded) job.span.set(figuresOf(run));
        this.#tellCommit(job, replies?.[index], verdict);
      });
    });
  }

  /** Ends a job that has succeeded by a write of the caller's own that is safe to repeat. */
  write(job: HeldJob, what: string, call: () => Promise<CommitReply>): void {
    this.#track([job], async () => this.#tellCommit(job, await this.through(what, call), { ok: true }));
  }

  /** Puts jobs back after a failure that may be their own, to be run again after a pause while attempts remain. */
  retry(jobs: readonly HeldJob[], code: FailureCode, message: string): void {
    const { leases, metrics, log } = this.#options;
    this.#track(jobs, async () => {
      const failures = jobs.map((job) => ({ ...holdOf(job), code, message }));
      const replies = await this.through('retry', () => leases.retry(failures));
      if (!replies) this.notWritten += jobs.length;
      await Promise.all(
        (replies ?? []).map(async (reply, index) => {
          const job = jobs[index];
          if (!job) return;
          job.span.set({
            'waggle.outcome': reply.kind === 'queued' ? 'retried' : reply.kind,
            'error.type': code,
          });
          job.span.fail(message);
          if (reply.kind === 'stale') return;
          metrics.retried(code);
          log.warn('attempt failed', { ...job.ids, code, error: message, now: reply.kind });
          const delayMs = backoffMs(job.claimed.attempts, RETRY_BACKOFF);
          await this.#enqueue(job.claimed.id, reply, delayMs);
        }),
      );
    });
  }

  /** Puts those of the jobs back that are undecided, for any worker to run; see {@link JobLeases.release}. */
  release(jobs: readonly HeldJob[], mode: 'release' | 'apart' = 'release'): void {
    const left = jobs.filter((job) => job.decide());
    this.#track(left, async () => {
      const release = () => this.#options.leases.release(left.map(holdOf), mode);
      const replies = await this.through('release', release);
      left.forEach((job, index) => {
        const kind = replies?.[index]?.kind;
        if (kind === 'queued') this.givenBack += 1;
        else if (!kind) this.notWritten += 1;
        this.#tell(job, 'job released', kind === 'queued' ? 'released' : (kind ?? 'not written'));
      });
    });
  }

  /** The lease is another worker's now: nothing is to be written. */
  forget(job: HeldJob): void {
    this.#options.metrics.lost();
    job.span.set({ 'waggle.outcome': 'lost' });
    job.span.fail('the lease is now held by another worker');
    this.#options.log.warn('job lost to another worker', job.ids);
    this.#finish([job]);
  }

  /** Puts deliveries back into the queue that were not claimed. */
  handBack(unclaimed: readonly Unclaimed[]): Promise<void> {
    const { leases } = this.#options;
    if (unclaimed.length === 0) return Promise.resolve();
    return this.#note(async () => {
      try {
        const requests = unclaimed.map(({ request }) => request);
        const renewed = await this.through('redeliver', () => leases.redeliver(requests));
        await Promise.all(
          (renewed ?? []).map(async (delivery, index) => {
            if (delivery === undefined) return;
            this.givenBack += 1;
            const jobId = requests[index]?.jobId ?? '';
            this.#options.log.debug('job handed back', jobIds(jobId));
            await this.#enqueue(jobId, { kind: 'queued', delivery }, 0);
          }),
        );
      } finally {
        // Bee-Queue's slots are freed whatever happens: a drain waits for them.
        for (const { done } of unclaimed) done();
      }
    });
  }

  /** Resolves when all that was asked for is written. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** Stops repeating: what Redis has not taken by now is left to the end of the leases, and to the sweeper. */
  abandon(): void {
    this.#abandoned.abort();
  }

  #track(jobs: readonly HeldJob[], work: () => Promise<void>): void {
    if (jobs.length === 0) return;
    void this.#note(() => work().finally(() => this.#finish(jobs)));
  }

  #note(work: () => Promise<void>): Promise<void> {
    const noted = work()
      .catch((error: unknown) => this.#options.log.error('settling failed', { error: messageOf(error) }))
      .finally(() => this.#pending.delete(noted));
    this.#pending.add(noted);
    return noted;
  }

  /** `reply` is undefined where Redis did not take the outcome before the worker had to leave. */
  #tellCommit(job: HeldJob, reply: CommitReply | undefined, verdict: { ok: true } | Failed): void {
    const { metrics, log } = this.#options;
    if (reply === undefined) this.notWritten += 1;
    if (reply !== 'committed') return this.#tell(job, 'outcome dropped', reply ?? 'not written');
    metrics.ended(verdict.ok ? 'succeeded' : verdict.code);
    if (verdict.ok) return this.#tell(job, 'job succeeded', 'succeeded');
    job.span.set({ 'waggle.outcome': 'failed', 'error.type': verdict.code });
    job.span.fail(verdict.message);
    log.warn('job failed', { ...job.ids, code: verdict.code, error: verdict.message });
  }

  #tell(job: HeldJob, message: string, outcome: string): void {
    const { log } = this.#options;
    job.span.set({ 'waggle.outcome': outcome });
    if (log.isEnabled('debug')) log.debug(message, { ...job.ids, outcome });
  }

  #finish(jobs: readonly HeldJob[]): void {
    for (const job of jobs) {
      job.span.end();
      this.#options.keeper.letGo(job);
      job.done();
    }
  }

  /**
   * Repeats a call until Redis takes it, whatever it says meanwhile: what was computed is thrown away for no refusal.
   * Undefined when it was abandoned.
   */
  async through<T>(what: string, call: () => Promise<T>): Promise<T | undefined> {
    const { log } = this.#options;
    for (let failures = 0; ; ) {
      try {
        return await call();
      } catch (error) {
        failures += 1;
        if (failures % 10 === 1) log.warn(`${what} not written yet`, { error: messageOf(error), failures });
      }
      const pauseMs = backoffMs(failures, REDIS_BACKOFF);
      await sleep(pauseMs, undefined, { signal: this.#abandoned.signal }).catch(() => undefined);
      if (this.#abandoned.signal.aborted) return undefined;
    }
  }

  /** A queued record whose delivery does not get through here is put into the queue by the sweeper. */
  async #enqueue(jobId: string, reply: Requeued, delayMs: number): Promise<void> {
    if (reply.kind !== 'queued') return;
    const { producers, queue, log } = this.#options;
    await producers
      .enqueue(queue, { jobId, delivery: reply.delivery }, delayMs)
      .catch((error: unknown) =>
        log.warn('delivery left to the sweeper', { ...jobIds(jobId), error: messageOf(error) }),
      );
  }
}

const holdOf = ({ claimed }: HeldJob): Hold => ({
  id: claimed.id,
  token: claimed.token,
  claimId: claimed.claimId,
});

const figuresOf = ({ batchSize, prepareMs, predictMs }: MicroBatchRun): SpanAttributes => ({
  'waggle.batch_size': batchSize,
  'waggle.prepare_ms': prepareMs,
  'waggle.predict_ms': predictMs,
});
