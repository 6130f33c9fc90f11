import { type Batch, isBatchEnded } from '../../shared/batches/batch.js';
import { maySee } from '../http/caller.js';
import type { ApiContext } from '../context.js';
import type { Exchange } from '../http/exchange.js';
import { etaMsOf, retryAfterSeconds } from '../jobs/completion-rates.js';
import { missingRecord } from '../jobs/record-id.js';
import { type Waited, waitForEnd } from '../waiting/wait-for-end.js';
import { type BatchView, rowsDone } from './present-batch.js';

/** Adds an estimate of the time until the rows seen so far have an outcome. */
export async function viewBatch({ rates }: ApiContext, batch: Batch): Promise<BatchView> {
  if (isBatchEnded(batch.state)) return { batch, etaMs: undefined };
  return { batch, etaMs: etaMsOf(batch.rows.total - rowsDone(batch), await rates.of(batch.queue)) };
}

/** The batch that the caller may see. Throws a 404 or 410 problem when there is none. */
export async function readBatch(exchange: Exchange, ctx: ApiContext, id: string): Promise<Batch> {
  const batch = await ctx.withinDeadline('reading a batch', () => ctx.partitions.of(id).batches.find(id));
  if (batch && maySee(exchange.caller, batch)) return batch;
  throw missingRecord('batch', id, ctx.config.jobs.resultTtlMs);
}

/** Waits for the end of a batch as {@link waitForEnd} does. */
export const waitForBatch = (
  exchange: Exchange,
  ctx: ApiContext,
  id: string,
  waitSeconds: number | undefined,
): Promise<Waited<BatchView>> =>
  waitForEnd(exchange, ctx, {
    id,
    waitSeconds,
    read: async () => viewBatch(ctx, await readBatch(exchange, ctx, id)),
    hasEnded: ({ batch }) => isBatchEnded(batch.state),
  });

/** Whole seconds after which a client does well to ask again; undefined for a batch that has ended. */
export const batchRetryAfterSeconds = ({ batch, etaMs }: BatchView): number | undefined =>
  isBatchEnded(batch.state) ? undefined : retryAfterSeconds(etaMs);
