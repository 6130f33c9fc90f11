import type { Batch } from '../../../shared/batches/batch.js';
import { isBatchEnded } from '../../../shared/batches/batch.js';
import type { BatchStore, ChunkResults } from '../../../shared/batches/batch-store.js';
import type { BatchRowError } from '../../../shared/contract/batch.js';
import type { ReadRow } from '../../../shared/model/row-reader.js';

/** One row of the results, in input order. */
export type ResultRow =
  | { row: number; result: Record<string, number> }
  | { row: number; error: BatchRowError };

/** The source of results. */
export interface ResultSource {
  batches: Pick<BatchStore, 'results'>;
  batch: Batch;
  readRow: ReadRow;
}

/**
 * The rows of a batch from row `from` on, a chunk at a time, while the chunk after it is being fetched. Ends with the
 * last row, or before the first chunk that has not run yet.
 */
export async function* resultRows(
  source: ResultSource,
  from: number,
): AsyncGenerator<ResultRow[], void, undefined> {
  const { batch, batches } = source;
  const fetch = (chunk: number): Promise<ChunkResults> | undefined =>
    chunk < batch.chunks ? batches.results(batch.id, chunk) : undefined;
  let chunk = Math.floor(from / batch.chunkRows);
  for (let coming = fetch(chunk); coming; chunk += 1) {
    const results = await coming;
    coming = fetch(chunk + 1);
    // A client that leaves early leaves this promise without a reader: its rejection must not count as unhandled.
    coming?.catch(() => undefined);
    const first = chunk * batch.chunkRows;
    const count = Math.min(batch.chunkRows, batch.rows.total - first);
    if (!isDone(results, count) && !isBatchEnded(batch.state)) return;
    const rows: ResultRow[] = [];
    for (let at = Math.max(0, from - first); at < count; at += 1) {
      rows.push(rowOf(source, results, { first, at }));
    }
    yield rows;
  }
}

function isDone({ outputs, failure, invalid }: ChunkResults, count: number): boolean {
  return outputs !== undefined || failure !== undefined || Object.keys(invalid).length === count;
}

function rowOf(
  source: ResultSource,
  results: ChunkResults,
  { first, at }: { first: number; at: number },
): ResultRow {
  const row = first + at;
  const errors = results.invalid[at];
  if (errors) return { row, error: { code: 'invalid_input', message: 'the row breaks rules', errors } };
  if (results.failure) return { row, error: results.failure };
  if (!results.outputs) {
    const end = source.batch.state === 'failed' ? 'failed' : 'was canceled';
    return { row, error: { code: 'canceled', message: `the batch ${end} before the row ran` } };
  }
  const read = source.readRow(results.outputs, at);
  return read.ok
    ? { row, result: read.result }
    : { row, error: { code: 'invalid_output', message: read.message } };
}
