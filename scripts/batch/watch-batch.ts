import type { EndedBatch } from '../../shared/client/bodies.js';
import type { BatchBody } from '../../shared/contract/batch.js';
import type { BatchClient } from '../../shared/client/batches.js';
import { firstContact, type OnWait, persist } from '../../shared/client/retry.js';
import { count, duration } from '../lib/figures.js';
import type { ProgressDisplay } from './progress.js';

/** Where a followed batch is told of. */
export interface WatchContext {
  client: BatchClient;
  signal: AbortSignal;
  display: ProgressDisplay;
  outageMs: number;
  onWait: OnWait;
}

/** Between two looks the server may hold its answer so long. */
const LOOK_SECONDS = 1;

/** Follows a batch to its end. */
export async function watchBatch(
  id: string,
  { client, signal, display, outageMs, onWait }: WatchContext,
): Promise<EndedBatch> {
  const startedMs = Date.now();
  let doneBefore: number | undefined;
  const onUpdate = (batch: BatchBody): void => {
    const done = rowsDone(batch);
    doneBefore ??= done;
    const seconds = (Date.now() - startedMs) / 1000;
    display.show({
      rows: done,
      failed: batch.rows.failed + batch.rows.invalid,
      totalRows: batch.status === 'accepting' ? undefined : batch.rows.total,
      rowsPerSecond: seconds > 0 ? (done - doneBefore) / seconds : 0,
      secondsLeft: batch.eta_ms === undefined ? undefined : batch.eta_ms / 1000,
    });
  };
  try {
    onUpdate(
      await persist(() => client.get(id, { signal }), { signal, outageMs, onWait: firstContact(onWait) }),
    );
    return await client.wait(id, { signal, onUpdate, longPollSeconds: LOOK_SECONDS, outageMs, onWait });
  } finally {
    display.end();
  }
}

/** A batch that has ended, for a person. */
export function batchLines({ id, status, model, rows, created_at, finished_at }: EndedBatch): string[] {
  const failed = rows.failed + rows.invalid;
  const seconds =
    finished_at === undefined ? undefined : (Date.parse(finished_at) - Date.parse(created_at)) / 1000;
  const took =
    seconds === undefined ? '' : ` in ${duration(seconds)}, ${count(rows.succeeded / seconds)} rows/s`;
  return [
    `${status === 'succeeded' && failed === 0 ? '✔' : '!'} ${count(rows.succeeded)} of ${count(rows.total)} rows predicted by ${model}${took}`,
    ...(failed > 0 ? [`✖ ${count(failed)} failed, ${count(rows.invalid)} of them for their input`] : []),
    `  batch ${id} ${status}`,
  ];
}

/** Whether every row has a result. */
export const hasEveryRow = ({ status, rows }: EndedBatch): boolean =>
  status === 'succeeded' && rows.succeeded === rows.total;

const rowsDone = ({ rows }: BatchBody): number => rows.succeeded + rows.failed + rows.invalid;
