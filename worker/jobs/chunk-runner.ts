import { decodeChunk } from '../../shared/batches/chunk-codec.js';
import type { ChunkLeases } from '../../shared/batches/chunk-leases.js';
import type { MicroBatchRun } from '../../shared/jobs/job-leases.js';
import type { ModelVersion } from '../models/model-version.js';
import type { HeldJob } from './held-job.js';
import type { Lane } from './lane.js';
import type { Runner } from './micro-batcher.js';
import { repeatWhileRedisIsAway } from './repeat-while-redis-is-away.js';

/** Runs chunks of batches, one at a time. Its columns are read as soon as a chunk is claimed. */
export class ChunkRunner implements Runner {
  readonly most = 1;
  readonly #lane: Lane;
  readonly #chunks: ChunkLeases;
  readonly #leaving = new AbortController();
  /** Columns of the chunks in hand. */
  readonly #reading = new Map<HeldJob, Promise<Buffer | undefined>>();

  constructor(lane: Lane, chunks: ChunkLeases) {
    this.#lane = lane;
    this.#chunks = chunks;
  }

  accept(job: HeldJob): void {
    const { settlement, log } = this.#lane;
    const columns = repeatWhileRedisIsAway(() => this.#chunks.columns(job.claimed.id), {
      warning: 'chunk not read yet',
      fields: job.ids,
      log,
      signal: settlement.abandoned,
      repeatsRefusals: true,
    });
    this.#reading.set(job, columns);
  }

  async run(jobs: readonly HeldJob[]): Promise<boolean> {
    const [job] = jobs;
    if (!job) return true;
    const { model, settlement, attempts } = this.#lane;
    try {
      const packed = await this.#reading.get(job);
      await this.ready().catch(() => settlement.release(jobs));
      if (this.#leaving.signal.aborted) settlement.release(jobs);
      if (!job.isLive) return true;
      // The columns go with the batch when it is canceled.
      if (!packed) {
        attempts.fail(job, 'canceled');
        return true;
      }
      const version = model.current;
      return await attempts.run([job], version, (run) => this.#predict(job, packed, version, run));
    } finally {
      this.#reading.delete(job);
    }
  }

  ready(): Promise<void> {
    return this.#lane.model.current.inference.ready(this.#leaving.signal);
  }

  stop(): void {
    this.#leaving.abort();
    this.#lane.attempts.releaseWaiting([...this.#reading.keys()]);
  }

  abandon(): void {
    this.#lane.attempts.abandon([...this.#reading.keys()]);
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
    const result = { modelVersion: run.modelVersion, outputs, rowsSucceeded, rowsFailed };
    settlement.write(job, 'chunk commit', () => this.#chunks.commit(job.claimed, result));
  }
}
