/** What a worker reports of the micro-batches of one model. */
export class MicroBatchStats {
  batches = 0;
  /** Outcomes written. */
  jobs = 0;
  lastBatchSize = 0;
  #rows = 0;

  /** A micro-batch was run. */
  ran(batchSize: number): void {
    this.batches += 1;
    this.lastBatchSize = batchSize;
    this.#rows += batchSize;
  }

  committed(jobs: number): void {
    this.jobs += jobs;
  }

  get meanBatchSize(): number {
    return this.batches === 0 ? 0 : this.#rows / this.batches;
  }
}
