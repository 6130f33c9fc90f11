import { decodeChunk } from '../../shared/batches/chunk-codec.js';
import type { ChunkLeases } from '../../shared/batches/chunk-leases.js';
import { jobIds } from '../../shared/batches/chunk-queue.js';
import { messageOf } from '../../shared/errors.js';
import type { Claim, ClaimRequest, MicroBatchRun } from '../../shared/jobs/job-leases.js';
import type { Delivery } from '../../shared/queue/bee-queue.js';
import type { ModelVersion } from '../models/model-version.js';
import type { EndTurn } from '../models/turns.js';
import { Attempts } from './attempts.js';
import { createClaimIds } from './claim-ids.js';
import type { HeldJob } from './held-job.js';
import type { Lane } from './lane.js';
import { repeatWhileRedisIsAway } from './repeat-while-redis-is-away.js';
import type { Unclaimed } from './settlement.js';

/** Runs chunks of batches, each by the rules of a job: claim, lease, one turn of the model, fenced commit. */
export class ChunkRunner {
  readonly #lane: Lane;
  readonly #chunks: ChunkLeases;
  readonly #attempts: Attempts;
  readonly #stopping = new AbortController();
  readonly #handling = new Set<Promise<void>>();
  readonly #inHand = new Set<HeldJob>();
  readonly #newClaimId = createClaimIds();

  constructor(lane: Lane, chunks: ChunkLeases) {
    this.#lane = lane;
    this.#chunks = chunks;
    this.#attempts = new Attempts(lane);
  }

  /** Takes a delivery. Resolves when its chunk is dealt with; never rejects. */
  handle(delivery: Delivery): Promise<void> {
    const handled = new Promise<void>((resolve) => {
      this.#take(delivery, resolve).catch((error: unknown) => {
        this.#lane.log.error('chunk not run', { ...jobIds(delivery.jobId), error: messageOf(error) });
        resolve();
      });
    }).finally(() => this.#handling.delete(handled));
    this.#handling.add(handled);
    return handled;
  }

  /**
   * Claims nothing more, gives back the chunks that have not begun to run, and after `finishMs` the one that runs.
   * Resolves when Redis has all of them.
   */
  async drain(finishMs: number): Promise<void> {
    this.#stopping.abort();
    this.#attempts.releaseWaiting([...this.#inHand]);
    const late = setTimeout(() => this.#attempts.abandon([...this.#inHand]), finishMs);
    await Promise.all(this.#handling);
    clearTimeout(late);
    await this.#lane.settlement.settled();
  }

  async #take(delivery: Delivery, done: () => void): Promise<void> {
    const { model } = this.#lane;
    const unclaimed = { request: { ...delivery, claimId: this.#newClaimId() }, done };
    // Another prediction may run meanwhile, so a loss of this worker would not show that this chunk is to blame.
    const claim = await this.#claim(unclaimed.request, true);
    if (claim?.kind !== 'later') return this.#accept(claim, unclaimed);
    // A worker was lost with this chunk before: it is claimed when it can run at once, so that a loss is its own.
    const endTurn = await model.turns.take('chunks');
    try {
      await this.#isReady();
      await this.#accept(await this.#claim(unclaimed.request, false), unclaimed, endTurn);
    } finally {
      endTurn();
    }
  }

  /** @param endTurn of the model, where the chunk has it already */
  async #accept(claim: Claim | undefined, unclaimed: Unclaimed, endTurn?: EndTurn): Promise<void> {
    if (!claim) return this.#lane.settlement.handBack([unclaimed]);
    const job = this.#attempts.accept(claim, unclaimed.done);
    if (!job) return;
    this.#inHand.add(job);
    try {
      await this.#run(job, endTurn);
    } catch (error) {
      // An undecided chunk would stay in this worker's hands, its lease renewed, for ever.
      this.#lane.log.error('chunk not run', { ...job.ids, error: messageOf(error) });
      this.#attempts.fail(job, error);
    } finally {
      this.#inHand.delete(job);
    }
  }

  /** Undefined when the worker was told to stop before Redis answered. */
  async #claim(request: ClaimRequest, isAhead: boolean): Promise<Claim | undefined> {
    const { leases, leaseMs, log } = this.#lane;
    const { signal } = this.#stopping;
    if (signal.aborted) return undefined;
    const claims = await repeatWhileRedisIsAway(() => leases.claim([request], leaseMs, isAhead), {
      warning: 'chunk not claimed yet',
      fields: jobIds(request.jobId),
      log,
      signal,
    });
    return claims?.[0];
  }

  async #run(job: HeldJob, turn?: EndTurn): Promise<void> {
    const { model, settlement, log } = this.#lane;
    const packed = await repeatWhileRedisIsAway(() => this.#chunks.columns(job.claimed.id), {
      warning: 'chunk not read yet',
      fields: job.ids,
      log,
      signal: settlement.abandoned,
      repeatsRefusals: true,
    });
    const endTurn = turn ?? (await model.turns.take('chunks'));
    try {
      if (!(await this.#isReady())) return settlement.release([job]);
      if (!job.isLive) return;
      // The columns go with the batch when it is canceled.
      if (!packed) return this.#attempts.fail(job, 'canceled');
      const version = model.current;
      await this.#attempts.run([job], version, (run) => this.#predict(job, packed, version, run));
    } finally {
      endTurn();
    }
  }

  /** Waits until the model can predict; false when it never will, or this worker was told to stop. */
  async #isReady(): Promise<boolean> {
    const { signal } = this.#stopping;
    return this.#lane.model.current.inference.ready(signal).then(
      () => !signal.aborted,
      () => false,
    );
  }

  async #predict(job: HeldJob, packed: Buffer, version: ModelVersion, run: MicroBatchRun): Promise<void> {
    const { settlement, metrics } = this.#lane;
    const { columns, holes } = decodeChunk(version.layout, packed);
    const { outputs, predictMs } = await version.inference.predict(columns);
    const { rows } = columns;
    for (const hole of holes) for (const output of outputs) output[hole] = Number.NaN;
    let rowsSucceeded = 0;
    for (let row = 0; row < rows; row += 1) if (version.isValidRow(outputs, row)) rowsSucceeded += 1;
    const rowsFailed = rows - holes.length - rowsSucceeded;
    run.predictMs = predictMs;
    metrics.ran(run);
    job.span.set({ 'waggle.rows': rows, 'waggle.predict_ms': predictMs });
    if (!job.decide()) return;
    const { queue, modelVersion } = run;
    const result = { queue, modelVersion, outputs, rowsSucceeded, rowsFailed };
    settlement.write(job, 'chunk commit', () => this.#chunks.commit(job.claimed, result));
  }
}
