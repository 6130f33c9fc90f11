import { setMaxListeners } from 'node:events';
import { messageOf } from '../../shared/errors.js';
import type { FailureCode } from '../../shared/contract/states.js';
import type { MicroBatchRun, Verdict } from '../../shared/jobs/claimed-job.js';
import type { CommitReply, JobLeases } from '../../shared/jobs/job-leases.js';
import type { Logger } from '../../shared/log/logger.js';
import { backoffMs, RETRY_BACKOFF } from '../../shared/process/backoff.js';
import type { SpanAttributes } from '../../shared/tracing/tracer.js';
import type { LaneMetrics } from './metrics.js';
import type { HeldJob } from './held-job.js';
import { repeatWhileRedisIsAway } from './repeat-while-redis-is-away.js';

/** The queue that jobs go back to, and the services that write what became of them. */
export interface SettlementServices {
  queue: string;
  metrics: LaneMetrics;
  log: Logger;
}

/** A {@link Verdict} without its result. */
type End = { ok: true } | Extract<Verdict, { ok: false }>;

/**
 * Writes what became of jobs: outcomes, retries, releases, in each partition by itself. Each call is repeated until Redis takes
 * it, which is safe since the scripts check which claim holds the job. Nothing here rejects.
 */
export class Settlement {
  readonly #services: SettlementServices;
  readonly #pending = new Set<Promise<void>>();
  readonly #abandoned = new AbortController();
  /** Jobs that went back to the queue without having been run to an end here. */
  givenBack = 0;
  /** Jobs of which Redis did not take what became of them before the worker had to leave: their leases end. */
  notWritten = 0;

  constructor(services: SettlementServices) {
    this.#services = services;
    // While Redis is away every call that has to be repeated waits for it: any number, and no leak.
    setMaxListeners(0, this.#abandoned.signal);
  }

  /** Ends jobs with outcomes. */
  commit(run: MicroBatchRun, all: readonly { job: HeldJob; verdict: Verdict }[]): void {
    for (const verdicts of byPartition(all, ({ job }) => job)) {
      const outcomes = verdicts.map(({ job, verdict }) => ({ job: job.claimed, verdict }));
      const jobs = verdicts.map(({ job }) => job);
      this.#track(jobs, async (leases) => {
        const replies = await this.#repeat('commit', () => leases.commit(run, outcomes));
        const ends = verdicts.map(({ job, verdict }, index) => {
          if (job.span.isRecorded) job.span.set(figuresOf(run));
          return this.#tellCommit(job, replies?.[index], verdict);
        });
        this.#count(ends);
      });
    }
  }

  /** Ends a job by a write of the caller's own that is safe to repeat. */
  write(job: HeldJob, what: string, call: () => Promise<CommitReply>, verdict: End = { ok: true }): void {
    this.#track([job], async () => {
      this.#count([this.#tellCommit(job, await this.#repeat(what, call), verdict)]);
    });
  }

  /** Puts a job back after a failure that may be its own, to be run again after a pause while attempts remain. */
  retry(job: HeldJob, code: FailureCode, message: string): void {
    const { metrics, log } = this.#services;
    this.#track([job], async (leases) => {
      const { claimed } = job;
      const delayMs = backoffMs(claimed.attempts, RETRY_BACKOFF);
      const failures = [{ job: claimed, delayMs, code, message }];
      const replies = await this.#repeat('retry', () => leases.retry(failures));
      if (!replies) this.notWritten += 1;
      replies?.forEach((reply) => {
        job.span.set({ 'waggle.outcome': reply === 'queued' ? 'retried' : reply, 'error.type': code });
        job.span.fail(message);
        if (reply === 'stale') return;
        metrics.retried(code);
        log.warn('attempt failed', { ...job.ids, code, error: message, now: reply });
      });
    });
  }

  /** Puts those of the jobs back that are undecided, for any worker to run; see {@link JobLeases.release}. */
  release(jobs: readonly HeldJob[], mode: 'release' | 'alone' = 'release'): void {
    const undecided = jobs.filter((job) => job.decide());
    for (const left of byPartition(undecided, (job) => job)) {
      this.#track(left, async (leases) => {
        const claimed = left.map((job) => job.claimed);
        const replies = await this.#repeat('release', () => leases.release(claimed, mode));
        left.forEach((job, index) => {
          const kind = replies?.[index];
          if (kind === 'queued') this.givenBack += 1;
          else if (!kind) this.notWritten += 1;
          this.#tell(job, 'job released', kind === 'queued' ? 'released' : (kind ?? 'not written'));
        });
      });
    }
  }

  /** The lease is another worker's now: nothing is to be written. */
  forget(job: HeldJob): void {
    this.#services.metrics.lost();
    job.span.set({ 'waggle.outcome': 'lost' });
    job.span.fail('the lease is now held by another worker');
    this.#services.log.warn('job lost to another worker', job.ids);
    this.#finish([job]);
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

  /** `jobs`: of one partition. */
  #track(jobs: readonly HeldJob[], work: (leases: JobLeases) => Promise<void>): void {
    const [first] = jobs;
    if (!first) return;
    void this.#note(() => work(first.partition.leases).finally(() => this.#finish(jobs)));
  }

  #note(work: () => Promise<void>): Promise<void> {
    const noted = work()
      .catch((error: unknown) => this.#services.log.error('settling failed', { error: messageOf(error) }))
      .finally(() => this.#pending.delete(noted));
    this.#pending.add(noted);
    return noted;
  }

  /**
   * `succeeded`, or the code of the failure that was written; undefined where no outcome was. `reply` is undefined where Redis
   * did not take the outcome before the worker had to leave.
   */
  #tellCommit(job: HeldJob, reply: CommitReply | undefined, verdict: End): string | undefined {
    if (reply === undefined) this.notWritten += 1;
    if (reply !== 'committed') {
      this.#tell(job, 'outcome dropped', reply ?? 'not written');
      return undefined;
    }
    if (verdict.ok) {
      this.#tell(job, 'job succeeded', 'succeeded');
      return 'succeeded';
    }
    job.span.set({ 'waggle.outcome': 'failed', 'error.type': verdict.code });
    job.span.fail(verdict.message);
    this.#services.log.warn('job failed', { ...job.ids, code: verdict.code, error: verdict.message });
    return verdict.code;
  }

  #count(ends: readonly (string | undefined)[]): void {
    const jobs = new Map<string, number>();
    for (const end of ends) if (end !== undefined) jobs.set(end, (jobs.get(end) ?? 0) + 1);
    for (const [end, count] of jobs) this.#services.metrics.ended(end, count);
  }

  #tell(job: HeldJob, message: string, outcome: string): void {
    const { log } = this.#services;
    job.span.set({ 'waggle.outcome': outcome });
    log.debug(message, () => ({ ...job.ids, outcome }));
  }

  #finish(jobs: readonly HeldJob[]): void {
    for (const job of jobs) {
      job.span.end();
      job.partition.keeper.letGo(job);
    }
  }

  /** Repeats refusals, too: nothing that was computed is thrown away because Redis refuses it. */
  #repeat<T>(what: string, call: () => Promise<T>): Promise<T | undefined> {
    const warning = `${what} not written yet`;
    const { log } = this.#services;
    return repeatWhileRedisIsAway(call, { warning, log, signal: this.abandoned, repeatsRefusals: true });
  }
}

/** The entries, those of the jobs of each partition together. */
function byPartition<T>(entries: readonly T[], jobOf: (entry: T) => HeldJob): Iterable<readonly T[]> {
  const [first] = entries;
  if (!first) return [];
  const { partition } = jobOf(first);
  if (entries.every((entry) => jobOf(entry).partition === partition)) return [entries];
  const groups = new Map<HeldJob['partition'], T[]>();
  for (const entry of entries) {
    const group = groups.get(jobOf(entry).partition);
    if (group) group.push(entry);
    else groups.set(jobOf(entry).partition, [entry]);
  }
  return groups.values();
}

const figuresOf = ({ batchSize, prepareMs, predictMs }: MicroBatchRun): SpanAttributes => ({
  'waggle.batch_size': batchSize,
  'waggle.prepare_ms': prepareMs,
  'waggle.predict_ms': predictMs,
});
