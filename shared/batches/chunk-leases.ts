import type { Hold } from '../jobs/job-leases.js';
import type { RecordScripts } from '../jobs/record-scripts.js';
import { encodeResults } from './chunk-codec.js';

/** The results of one run of one chunk: an array an output, NaN where a row has no valid answer. */
export interface ChunkRun {
  queue: string;
  modelVersion: string;
  outputs: readonly Float32Array[];
  rowsSucceeded: number;
  rowsFailed: number;
}

/** Reads the input of claimed chunks and writes their results: the worker's side. */
export class ChunkLeases {
  readonly #records: RecordScripts;

  constructor(records: RecordScripts) {
    this.#records = records;
  }

  /** The packed columns of a chunk's job; undefined when its batch was canceled. */
  async columns(jobId: string): Promise<Buffer | undefined> {
    const colon = jobId.lastIndexOf(':');
    const key = this.#records.key(`batch:${jobId.slice(0, colon)}:in`);
    const bytes = await this.#records.redis.commandBytes(['HGET', key, jobId.slice(colon + 1)]);
    return Buffer.isBuffer(bytes) ? bytes : undefined;
  }

  /** Writes the results where the token still holds. Safe to repeat. One round trip. */
  async commit({ id, token }: Hold, run: ChunkRun): Promise<'committed' | 'canceled' | 'stale'> {
    const word = await this.#records.run('batch-commit', [
      run.queue,
      run.modelVersion,
      id,
      String(token),
      String(run.rowsSucceeded),
      String(run.rowsFailed),
      encodeResults(run.outputs),
    ]);
    return word === 'committed' || word === 'canceled' ? word : 'stale';
  }
}
