import type { ClaimedJob } from '../jobs/claimed-job.js';
import { type CommitReply, commitReplyOf } from '../jobs/job-leases.js';
import type { FailureCode } from '../contract/states.js';
import { listOf, type RecordScripts } from '../records/records.js';
import { type ChunkOutputs, encodeResults } from './chunk-codec.js';

/** The results of one chunk; NaN where a row has no valid answer. */
export interface ChunkResult {
  modelVersion: string;
  outputs: ChunkOutputs;
  rowsSucceeded: number;
  rowsFailed: number;
}

/** Reads the input of claimed chunks and writes their results: the worker's side. */
export class ChunkLeases {
  constructor(private readonly records: RecordScripts) {}

  /** The packed columns of a chunk's job; undefined when its batch was canceled. */
  async columns(jobId: string): Promise<Buffer | undefined> {
    const colon = jobId.lastIndexOf(':');
    const key = this.records.key(`batch:${jobId.slice(0, colon)}:in`);
    const bytes = await this.records.redis.commandBytes(['HGET', key, jobId.slice(colon + 1)]);
    return Buffer.isBuffer(bytes) ? bytes : undefined;
  }

  /** Writes the results and ends the chunk, where the claim still holds it. Safe to repeat. One round trip. */
  async commit({ id, hold }: ClaimedJob, run: ChunkResult): Promise<CommitReply> {
    const word = await this.records.run('batch-commit', [
      run.modelVersion,
      id,
      hold,
      String(run.rowsSucceeded),
      String(run.rowsFailed),
      encodeResults(run.outputs),
    ]);
    return commitReplyOf(word);
  }

  /** Ends the chunk with a failure of all its rows, where the claim still holds it. Safe to repeat. One round trip. */
  async fail({ id, hold }: ClaimedJob, code: FailureCode, message: string): Promise<CommitReply> {
    const [word = null] = listOf(await this.records.run('give-back', ['fail', id, hold, '0', code, message]));
    return word === 'failed' ? 'committed' : commitReplyOf(word);
  }
}
