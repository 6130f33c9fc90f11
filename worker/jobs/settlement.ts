import { setMaxListeners } from 'node:events';
import { jobIds } from '../../shared/batches/chunk-queue.js';
import { messageOf } from '../../shared/errors.js';
import type { FailureCode } from '../../shared/contract/states.js';
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
import { backoffMs, RETRY_BACKOFF } from '../../shared/process/backoff.js';
import type { Producers } from '../../shared/queue/producers.js';
import type { SpanAttributes } from '../../shared/tracing/tracer.js';
import type { LaneMetrics } from './metrics.js';
import type { HeldJob } from './held-job.js';
import type { LeaseKeeper } from './lease-keeper.js';
import { repeatWhileRedisIsAway } from './repeat-while-redis-is-away.js';

/** The end of a decided job: an outcome without its fencing token. */
export type Verdict = { ok: true; result: Record<string, unknown> } | Failed;
interface Failed {
  ok: false;
  code: FailureCode;
  message: string;
}

/** A delivery that this worker took and has not claimed, as far as it knows. */
export interface Unclaimed {
  request: ClaimRequest;
  done: () => void;
}

/** The queue that jobs go back to, and the services that write what became of them. */
export interface SettlementServices {
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
  readonly #services: SettlementServices;
  readonly #pending = new Set<Promise<void>>();
  readonly #abandoned = new AbortController();
  /** Jobs and deliveries that went back to the queue without having been run to an end here. */
  givenBack = 0;
  /** Jobs of which Redis did not take what became of them before the worker had to leave: their leases end. */
  notWritten = 0;

  constructor(services: SettlementServices) {
    this.#services = services;
    // While Redis is away every call that has to be repeated waits for it: any number, and no leak.
    setMaxListeners(0, this.#abandoned.signal);
  }

  /** Ends jobs with outcomes. */
  commit(run: MicroBatchRun, verdicts: readonly { job: HeldJob; verdict: Verdict }[]): void {
    const { leases } = this.#services;
    const outcomes = verdicts.map(({ job, verdict }): Outcome => ({ ...verdict, ...holdOf(job) }));
    const jobs = verdicts.map(({ job }) => job);
    this.#track(jobs, async () => {
      const replies = await this.#repeat('commit', () => leases.commit(run, outcomes));
      verdicts.forEach(({ job, verdict }, index) => {
        if (job.span.isRecorded) job.span.set(figuresOf(run));
        this.#tellCommit(job, replies?.[index], verdict);
      });
    });
  }

  /** Ends a job that has succeeded by a write of the caller's own that is safe to repeat. */
  write(job: HeldJob, what: string, call: () => Promise<CommitReply>): void {
    this.#track([job], async () => this.#tellCommit(job, await this.#repeat(what, call), { ok: true }));
  }

  /** Puts jobs back after a failure that may be their own, to be run again after a pause while attempts remain. */
  retry(jobs: readonly HeldJob[], code: FailureCode, message: string): void {
    const { leases, metrics, log } = this.#services;
    this.#track(jobs, async () => {
      const failures = jobs.map((job) => ({ ...holdOf(job), code, message }));
      const replies = await this.#repeat('retry', () => leases.retry(failures));
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
      const release = () => this.#services.leases.release(left.map(holdOf), mode);
      const replies = await this.#repeat('release', release);
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
    this.#services.metrics.lost();
    job.span.set({ 'waggle.outcome': 'lost' });
    job.span.fail('the lease is now held by another worker');
    this.#services.log.warn('job lost to another worker', job.ids);
    this.#finish([job]);
  }

  /** Puts deliveries back into the queue that were not claimed. */
  handBack(unclaimed: readonly Unclaimed[]): Promise<void> {
    const { leases } = this.#services;
    if (unclaimed.length === 0) return Promise.resolve();
    return this.#note(async () => {
      try {
        const requests = unclaimed.map(({ request }) => request);
        const renewed = await this.#repeat('redeliver', () => leases.redeliver(requests));
        await Promise.all(
          (renewed ?? []).map(async (delivery, index) => {
            if (delivery === undefined) return;
            this.givenBack += 1;
            const jobId = requests[index]?.jobId ?? '';
            this.#services.log.debug('job handed back', () => jobIds(jobId));
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

  /** Aborted by {@link abandon}. */
  get abandoned(): AbortSignal {
    return this.#abandoned.signal;
  }

  /** Stops repeating: outcomes that Redis has not taken by now are left to the end of the leases, and to the sweeper. */
  abandon(): void {
    this.#abandoned.abort();
  }

  #track(jobs: readonly HeldJob[], work: () => Promise<void>): void {
    if (jobs.length === 0) return;
    void this.#note(() => work().finally(() => this.#finish(jobs)));
  }

  #note(work: () => Promise<void>): Promise<void> {
    const noted = work()
      .catch((error: unknown) => this.#services.log.error('settling failed', { error: messageOf(error) }))
      .finally(() => this.#pending.delete(noted));
    this.#pending.add(noted);
    return noted;
  }

  /** `reply` is undefined where Redis did not take the outcome before the worker had to leave. */
  #tellCommit(job: HeldJob, reply: CommitReply | undefined, verdict: { ok: true } | Failed): void {
    const { metrics, log } = this.#services;
    if (reply === undefined) this.notWritten += 1;
    if (reply !== 'committed') return this.#tell(job, 'outcome dropped', reply ?? 'not written');
    metrics.ended(verdict.ok ? 'succeeded' : verdict.code);
    if (verdict.ok) return this.#tell(job, 'job succeeded', 'succeeded');
    job.span.set({ 'waggle.outcome': 'failed', 'error.type': verdict.code });
    job.span.fail(verdict.message);
    log.warn('job failed', { ...job.ids, code: verdict.code, error: verdict.message });
  }

  #tell(job: HeldJob, message: string, outcome: string): void {
    const { log } = this.#services;
    job.span.set({ 'waggle.outcome': outcome });
    log.debug(message, () => ({ ...job.ids, outcome }));
  }

  #finish(jobs: readonly HeldJob[]): void {
    for (const job of jobs) {
      job.span.end();
      this.#services.keeper.letGo(job);
      job.done();
    }
  }

  /** Repeats refusals, too: nothing that was computed is thrown away because Redis refuses it. */
  #repeat<T>(what: string, call: () => Promise<T>): Promise<T | undefined> {
    const warning = `${what} not written yet`;
    const { log } = this.#services;
    return repeatWhileRedisIsAway(call, { warning, log, signal: this.abandoned, repeatsRefusals: true });
  }

  /** A queued record whose delivery does not get through here is put into the queue by the sweeper. */
  async #enqueue(jobId: string, reply: Requeued, delayMs: number): Promise<void> {
    if (reply.kind !== 'queued') return;
    const { producers, queue, log } = this.#services;
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
