import { type Batch, isBatchEnded } from '../../shared/batches/batch.js';
import { type Awaited, pollUntilEnd } from '../waiting/await-end.js';
import { maySee } from '../admission/caller.js';
import type { Exchange } from '../http/exchange.js';
import { missingRecord } from '../jobs/record-id.js';
import { type BatchView, rowsDone } from './present-batch.js';

/** Adds the estimate of when the rows seen so far will have an outcome. */
export async function viewBatch(x: Exchange, batch: Batch): Promise<BatchView> {
  if (isBatchEnded(batch.state)) return { batch, etaMs: undefined };
  const rowsPerSecond = await x.ctx.rates.of(batch.queue);
  const left = batch.rows.total - rowsDone(batch);
  return { batch, etaMs: rowsPerSecond > 0 ? Math.ceil((left / rowsPerSecond) * 1000) : undefined };
}

/** The batch that the caller may see. Throws a 404 or 410 problem when there is none. */
export async function readBatch(x: Exchange, id: string): Promise<Batch> {
  x.batchId = id;
  const batch = await x.ctx.withinDeadline('reading a batch', () => x.ctx.batches.find(id));
  if (batch && maySee(x.caller, batch)) return batch;
  throw missingRecord('batch', id, x.ctx.config.jobs.resultTtlMs);
}

/** Reads a batch, and goes on doing so until it has ended or `waitSeconds` from the start of the request are over. */
export const pollBatch = (
  x: Exchange,
  id: string,
  waitSeconds: number | undefined,
): Promise<Awaited<BatchView>> =>
  pollUntilEnd(x, id, {
    waitSeconds,
    read: async () => viewBatch(x, await readBatch(x, id)),
    hasEnded: ({ batch }) => isBatchEnded(batch.state),
  });

/** Longest that a client is told to stay away: the estimate may be far off by then. */
const LONGEST_RETRY_SECONDS = 60;

/** Whole seconds after which asking again makes sense, never 0; undefined for a batch that has ended. */
export function batchRetryAfterSeconds({ batch, etaMs }: BatchView): number | undefined {
  if (isBatchEnded(batch.state)) return undefined;
  return Math.min(Math.max(1, Math.ceil((etaMs ?? 0) / 1000)), LONGEST_RETRY_SECONDS);
}
