import { setMaxListeners } from 'node:events';
import { isRecord } from '../../shared/text/is-record.js';
import type { Callers } from './callers.js';
import { expectedOf, TOLERANCE } from './orders.js';

const BATCH_MS = 600_000;

/**
 * Submits a batch, waits for it and looks at every row. Resolves to the number of rows and their faults; `charged` are
 * rows whose chunk lost its attempts to the faults of others.
 */
export async function checkBatch(
  callers: Callers,
  name: string,
  rows: number,
): Promise<{ rows: number; wrong: string[]; charged: string[] }> {
  const inputs = Array.from({ length: rows }, (_, row) => ({ act: 'answer', value: (row % 50_000) / 100 }));
  const signal = AbortSignal.timeout(BATCH_MS);
  // Each of many calls listens to it.
  setMaxListeners(0, signal);
  const { id } = await callers.call((client) =>
    client.batches.submit(inputs, { idempotencyKey: `${name}-batch`, signal }),
  );
  const ended = await callers.call((client) => client.batches.wait(id, { signal }));
  const wrong: string[] = [];
  const charged: string[] = [];
  if (ended.status !== 'succeeded') wrong.push(`batch ${id}: ${ended.status}`);
  let next = 0;
  await callers.call(async (client) => {
    for await (const row of client.batches.results(id, { from: next, signal })) {
      if (row.row !== next) wrong.push(`batch ${id}: row ${row.row} instead of ${next}`);
      const fault = faultOfRow(row, expectedOf((next % 50_000) / 100));
      if (fault !== undefined) (isCharged(row) ? charged : wrong).push(`batch ${id} row ${next}: ${fault}`);
      next = row.row + 1;
    }
  });
  if (next !== rows) wrong.push(`batch ${id}: ${next} rows instead of ${rows}`);
  return { rows, wrong, charged };
}

const isCharged = ({ error }: Readonly<Record<string, unknown>>): boolean =>
  isRecord(error) && (error['code'] === 'worker_lost' || error['code'] === 'timeout');

function faultOfRow(row: Readonly<Record<string, unknown>>, expected: number): string | undefined {
  const { error, doubled } = row;
  if (error !== undefined) return JSON.stringify(error);
  const isRight = typeof doubled === 'number' && Math.abs(doubled - expected) <= TOLERANCE;
  return isRight ? undefined : `${JSON.stringify(doubled)} instead of ${expected}`;
}
