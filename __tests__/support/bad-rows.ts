import { BatchStore } from '../../shared/batches/batch-store.js';
import { chunkQueueOf } from '../../shared/batches/chunk-queue.js';
import type { RecordScripts } from '../../shared/records/records.js';
import { newRecordId } from '../../api/jobs/record-id.js';

/**
 * Stores a batch of bad rows, which are results at once: more of them than fits between two sockets, and than an upload may
 * have. Resolves to the batch's id.
 */
export async function storeBadRows(
  records: RecordScripts,
  model: string,
  { chunks, chunkRows }: { chunks: number; chunkRows: number },
): Promise<string> {
  const batches = new BatchStore(records);
  const id = newRecordId(records);
  const more = { strict: false, timeoutMs: 1_000, maxAttempts: 1, resultTtlMs: 60_000, queueTtlMs: 60_000 };
  await batches.create({ id, model, queue: chunkQueueOf(model), owner: '', chunkRows, ...more }, 1);
  const errors = [
    { pointer: '#/trip_distance', detail: 'must be number, which it is not, as this text says' },
  ];
  const invalid = Object.fromEntries(Array.from({ length: chunkRows }, (_, row) => [row, errors]));
  for (let number = 0; number < chunks; number += 1) {
    await batches.add(id, { number, rows: 0, columns: Buffer.alloc(0), invalid });
  }
  await batches.complete(id, '');
  return id;
}
