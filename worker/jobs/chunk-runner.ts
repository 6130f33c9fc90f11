import { type ChunkRows, decodeChunk } from '../../shared/batches/chunk-codec.js';
import type { ChunkResult } from '../../shared/batches/chunk-leases.js';
import { mostRowsOf } from '../../shared/model/columns.js';
import type { MicroBatchRun } from '../../shared/jobs/job-leases.js';
import type { ModelVersion } from '../models/model-version.js';
import type { Turn } from '../models/turns.js';
import type { HeldJob } from './held-job.js';
import type { Lane } from './lane.js';
import type { Runner } from './micro-batcher.js';
import { repeatWhileRedisIsAway } from './repeat-while-redis-is-away.js';

/** About as long as the single jobs of a model wait for the rows of a chunk, in ms. */
const SLICE_MS = 25;

/**
 * Runs chunks of batches, one at a time. Its columns are read as soon as a chunk is claimed. A chunk of a slow model is run some
 * rows after the other, and single jobs may go in between; its timeout holds for each of these runs.
 */
export class ChunkRunner implements Runner {
  readonly most = 1;
  readonly #lane: Lane;
  readonly #leaving = new AbortController();
  /** Rows that are run at once: powers of two, since the process prepares for a number of rows at its first use. */
  #sliceRows = 1_024;
  /** Columns of the chunks in hand. */
  readonly #reading = new Map<HeldJob, Promise<Buffer | undefined>>();

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  accept(job: HeldJob): void {
    const { settlement, log } = this.#lane;
    const columns = repeatWhileRedisIsAway(() => job.partition.chunks.columns(job.claimed.id), {
      warning: 'chunk not read yet',
      fields: job.ids,
      log,
      signal: settlement.abandoned,
      repeatsRefusals: true,
    });
    this.#reading.set(job, columns);
  }

  async run([job]: readonly HeldJob[], turn: Turn): Promise<boolean> {
    if (!job) return true;
    const { model, attempts } = this.#lane;
    try {
      const packed = await this.#reading.get(job);
      await this.#readyFor(job);
      if (!job.isLive) return true;
      // The columns go with the batch when it is canceled.
      if (!packed) {
        attempts.fail(job, 'canceled');
        return true;
      }
      const version = model.current;
      let chunk: ChunkRun | undefined;
      for (;;) {
        const isThere = await attempts.run([job], version, async (run) => {
          chunk ??= new ChunkRun(version, packed);
          await this.#predict(chunk, job, run);
        });
        if (!isThere || !job.isLive) return isThere;
        await turn.share();
        await this.#readyFor(job);
        if (!job.isLive) return true;
      }
    } finally {
      this.#reading.delete(job);
    }
  }

  /** Waits until the model can predict; gives the job back when this lane stops before. */
  async #readyFor(job: HeldJob): Promise<void> {
    const { settlement } = this.#lane;
    await this.ready().catch(() => settlement.release([job]));
    if (this.#leaving.signal.aborted) settlement.release([job]);
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

  /** Predicts the next rows of a chunk: as many as take about {@link SLICE_MS}. Writes the results behind the last. */
  async #predict(chunk: ChunkRun, job: HeldJob, run: MicroBatchRun): Promise<void> {
    const { settlement, metrics } = this.#lane;
    const rows = await chunk.predict(this.#sliceRows, run);
    if (run.predictMs > 2 * SLICE_MS) this.#sliceRows = Math.max(1, this.#sliceRows / 2);
    else if (run.predictMs < SLICE_MS / 2 && rows === this.#sliceRows) this.#sliceRows *= 2;
    metrics.ran(run);
    if (!chunk.isDone) return;
    job.span.set({ 'waggle.rows': chunk.rows, 'waggle.predict_ms': chunk.predictMs });
    if (!job.decide()) return;
    const { modelVersion } = run;
    const result = { modelVersion, ...chunk.results() };
    settlement.write(job, 'chunk commit', () => job.partition.chunks.commit(job.claimed, result));
  }
}

/** A chunk while it is predicted, some rows after the other. */
class ChunkRun {
  readonly #version: ModelVersion;
  readonly #chunk: ChunkRows;
  #values: Float32Array[] = [];
  readonly #faults: Record<number, string> = {};
  #done = 0;
  predictMs = 0;

  /** Throws a ChunkLayoutError. */
  constructor(version: ModelVersion, packed: Buffer) {
    this.#version = version;
    this.#chunk = decodeChunk(version.layout, packed);
  }

  get rows(): number {
    return this.#chunk.columns.rows;
  }

  get isDone(): boolean {
    return this.#done === this.rows;
  }

  /** Predicts up to `most` further rows; resolves to their number. */
  async predict(most: number, run: MicroBatchRun): Promise<number> {
    const { layout, inference } = this.#version;
    const from = this.#done;
    const rows = Math.min(mostRowsOf(this.#version.manifest, layout, most), this.rows - from);
    const { outputs, predictMs, faults } = await inference.predict(
      layout.slice(this.#chunk.columns, from, from + rows),
    );
    for (const [row, why] of Object.entries(faults ?? {})) this.#faults[from + Number(row)] = why;
    run.predictMs = predictMs;
    this.predictMs += predictMs;
    if (rows === this.rows) this.#values = [...outputs];
    else {
      outputs.forEach((values, i) => {
        const width = values.length / rows;
        this.#values[i] ??= new Float32Array(this.rows * width);
        this.#values[i].set(values, from * width);
      });
    }
    this.#done += rows;
    return rows;
  }

  /** All outputs, NaN where a row has no valid answer. */
  results(): Pick<ChunkResult, 'outputs' | 'rowsSucceeded' | 'rowsFailed'> {
    const values = this.#values;
    const { holes } = this.#chunk;
    const faulty = Object.keys(this.#faults).map(Number);
    for (const array of values) {
      const width = array.length / this.rows;
      for (const hole of [...holes, ...faulty]) array.fill(Number.NaN, hole * width, (hole + 1) * width);
    }
    let rowsSucceeded = 0;
    for (let row = 0; row < this.rows; row += 1) {
      if (this.#version.isValidRow(values, row)) rowsSucceeded += 1;
    }
    return {
      outputs: { rows: this.rows, values, ...(faulty.length > 0 && { faults: this.#faults }) },
      rowsSucceeded,
      rowsFailed: this.rows - holes.length - rowsSucceeded,
    };
  }
}
