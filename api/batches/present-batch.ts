import { type Batch, isBatchEnded } from '../../shared/batches/batch.js';
import type { BatchBody } from '../../shared/contract/batch.js';
import { rfc3339, rfc3339Of } from '../http/rfc3339.js';

/** A batch as it was at one moment, with an estimate while it goes on. */
export interface BatchView {
  batch: Batch;
  /** Undefined while nothing has ended lately to measure by, and once the batch has ended. */
  etaMs: number | undefined;
}

/** Where a batch is polled. */
export const batchPath = (id: string): string => `/batches/${id}`;

/** Rows that have an outcome. */
export const rowsDone = ({ rows }: Batch): number => rows.succeeded + rows.failed + rows.invalid;

/** The body of a batch. */
export function presentBatch({ batch, etaMs }: BatchView): BatchBody {
  const self = batchPath(batch.id);
  const { total } = batch.rows;
  return {
    id: batch.id,
    status: batch.state,
    model: batch.model,
    model_version: batch.modelVersion,
    request_id: batch.requestId,
    rows: batch.rows,
    progress: total === 0 ? 0 : rowsDone(batch) / total,
    eta_ms: etaMs,
    created_at: rfc3339(batch.createdMs),
    started_at: rfc3339Of(batch.startedMs),
    finished_at: rfc3339Of(batch.finishedMs),
    expires_at: rfc3339Of(batch.expiresMs),
    links: { self, results: `${self}/results`, cancel: isBatchEnded(batch.state) ? undefined : self },
  };
}
