import type { Batch } from '../../../shared/batches/batch.js';
import { chunkJobId } from '../../../shared/batches/chunk-queue.js';
import type { ApiContext } from '../../context.js';
import type { Exchange } from '../../http/exchange.js';
import { readBatch } from '../batch-view.js';

/** A request that waits for one chunk of a batch after the other. It must {@link leave}. */
export interface ChunkFollower {
  /** Resolves to the batch once the chunk may have ended; to undefined when waiting is over. */
  waitFor: (chunk: number) => Promise<Batch | undefined>;
  leave(): void;
}

/** Waits for `waitSeconds` from the start of the request, in all; undefined without a time, or a place, to wait. */
export function followChunks(
  exchange: Exchange,
  ctx: ApiContext,
  { id, waitSeconds }: { id: string; waitSeconds: number },
): ChunkFollower | undefined {
  const waiter = waitSeconds > 0 ? ctx.waiters.register(id, exchange.caller.owner) : undefined;
  if (!waiter) return undefined;
  exchange.response.once('close', () => waiter.end());
  const untilMs = exchange.startedMs + waitSeconds * 1000;
  return {
    async waitFor(chunk) {
      const jobId = chunkJobId(id, chunk);
      const remainingMs = untilMs - performance.now();
      if (waiter.isOver || remainingMs <= 0) return undefined;
      // A chunk that is waited for from now on may have ended before: it is looked at once more.
      if (waiter.id === jobId) await waiter.sleep(Math.min(remainingMs, ctx.limits.rereadMs));
      else waiter.follow(jobId);
      return readBatch(exchange, ctx, id);
    },
    leave: () => waiter.leave(),
  };
}
