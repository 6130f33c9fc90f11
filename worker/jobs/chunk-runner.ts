import { type ChunkRows, decodeChunk } from '../../shared/batches/chunk-codec.js';
import type { ChunkResult } from '../../shared/batches/chunk-leases.js';
import { mostRowsOf } from '../../shared/model/columns.js';
import type { MicroBatchRun } from '../../shared/jobs/claimed-job.js';
import type { Prediction } from '../inference/child/model-runtime.js';
import type { ModelVersion } from '../models/model-version.js';
import type { Turn } from '../models/turns.js';
import type { HeldJob } from './held-job.js';
import type { Lane } from './lane.js';
import type { Runner } from './micro-batcher.js';
import { repeatWhileRedisIsAway } from './repeat-while-redis-is-away.js';

/** About as long as the single jobs of a model wait for the rows of a chunk, in ms. */
const SLICE_MS = 25;

/**
 * Runs chunks of batches, one at a time. Its columns are read as soon as a chunk is claimed, and wait in the inference process
 * while it runs the chunk before, unless single jobs wait. A chunk of a slow model is run some rows after the other, and single
 * jobs may go in between; its timeout holds for each of these runs.
 */
export class ChunkRunner implements Runner {
  readonly most = 1;
  readonly #lane: Lane;
  readonly #leaving = new AbortController();
  /** Rows that are run at once: powers of two, since the process prepares for a number of rows at its first use. */
  #sliceRows = 1_024;
  /** Columns of the chunks in hand. */
  readonly #reading = new Map<HeldJob, Promise<Buffer | undefined>>();
  #running: ChunkRun | undefined;
  /** The chunk whose first rows wait in the inference process. */
  #next: { job: HeldJob; chunk: ChunkRun } | undefined;

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
    // Those that were claimed ahead and given back did not run.
    for (const held of this.#reading.keys()) if (!held.isLive) this.#reading.delete(held);
    this.#reading.set(job, columns);
  }

  get isAhead(): boolean {
    return this.#next !== undefined;
  }

  prepare([job]: readonly HeldJob[], turn: Turn): void {
    if (job) void this.#handOn(job, turn);
  }

  async #handOn(job: HeldJob, turn: Turn): Promise<void> {
    const packed = await this.#reading.get(job);
    if (!packed || !job.isLive || !this.#running?.isAtItsLast || !turn.isUncontested()) return;
    try {
      const chunk = new ChunkRun(this.#lane.model.current, packed);
      chunk.send(this.#sliceRows);
      this.#next = { job, chunk };
    } catch {
      // The same happens once it is the turn of the chunk, and is answered there.
    }
  }

  async run([job]: readonly HeldJob[], turn: Turn): Promise<boolean> {
    if (!job) return true;
    const { model, attempts } = this.#lane;
    const handedOn = this.#next?.job === job ? this.#next.chunk : undefined;
    this.#next = undefined;
    try {
      const packed = await this.#reading.get(job);
      await this.#readyFor(job);
      // Rows that the process runs are watched, whoever left them.
      if (!job.isLive && !handedOn) return true;
      // The columns go with the batch when it is canceled.
      if (!packed) {
        attempts.fail(job, 'canceled');
        return true;
      }
      const version = model.current;
      let chunk = handedOn;
      for (;;) {
        const isThere = await attempts.run([job], version, async (run) => {
          chunk ??= new ChunkRun(version, packed);
          this.#running = chunk;
          await this.#predict(chunk, job, run);
        });
        if (!isThere) this.#next = undefined;
        if (!isThere || !job.isLive) return isThere;
        await turn.share();
        await this.#readyFor(job);
        if (!job.isLive) return true;
      }
    } finally {
      this.#running = undefined;
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
  /** The rows that the process has, and their prediction. */
  #sent: { rows: number; prediction: Promise<Prediction> } | undefined;
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

  /** Whether the process has the last of its rows. */
  get isAtItsLast(): boolean {
    return this.#done + (this.#sent?.rows ?? 0) === this.rows;
  }

  /** Hands up to `most` further rows to the process, which runs them after all that it has already. */
  send(most: number): { rows: number; prediction: Promise<Prediction> } {
    const { manifest, layout, inference } = this.#version;
    const from = this.#done;
    const rows = Math.min(mostRowsOf(manifest, layout, most), this.rows - from);
    const prediction = inference.predict(layout.slice(this.#chunk.columns, from, from + rows));
    // Nobody may be waiting for it when it rejects.
    prediction.catch(() => undefined);
    return (this.#sent = { rows, prediction });
  }

  /** Predicts up to `most` further rows, or those that were sent; resolves to their number. */
  async predict(most: number, run: MicroBatchRun): Promise<number> {
    const from = this.#done;
    const { rows, prediction } = this.#sent ?? this.send(most);
    const { outputs, predictMs, faults } = await prediction;
    this.#sent = undefined;
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
