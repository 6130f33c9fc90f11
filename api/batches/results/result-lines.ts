import { type Batch, isBatchEnded } from '../../../shared/batches/batch.js';
import type { BatchStore, ChunkResults } from '../../../shared/batches/batch-store.js';
import type { PlacedOutput } from '../../../shared/model/outputs.js';
import { widthsOf } from '../../../shared/model/outputs.js';
import { problemOfRow } from '../../../shared/model/row-reader.js';
import { LineBuffer } from './line-buffer.js';
import type { ResultFormat } from './result-formats.js';

/** The source of results, and their form. */
export interface ResultSource {
  batches: Pick<BatchStore, 'results'>;
  batch: Batch;
  outputs: readonly PlacedOutput[];
  format: ResultFormat;
  /**
   * Resolves to the batch once this chunk may have ended: it is looked at again. Undefined when it is not to be waited for
   * (any longer).
   */
  waitFor: (chunk: number) => Promise<Batch | undefined>;
}

/**
 * The rows of a batch from row `from` on as lines, in input order, a chunk at a time, while the chunk after it is being
 * fetched. Ends with the last row, or before the first chunk that has not run and is not waited for.
 */
export async function* resultLines(
  source: ResultSource,
  from: number,
): AsyncGenerator<string | Buffer, void, undefined> {
  if (source.format.head !== '') yield source.format.head;
  let { batch } = source;
  const widths = widthsOf(source.outputs);
  const fetch = (chunk: number): Promise<ChunkResults> | undefined => {
    const coming = chunk < batch.chunks ? source.batches.results(batch.id, chunk, widths) : undefined;
    // A client that leaves early leaves this promise without a reader: its rejection must not count as unhandled.
    coming?.catch(() => undefined);
    return coming;
  };
  let chunk = Math.floor(from / batch.chunkRows);
  let coming = fetch(chunk);
  for (;;) {
    const results = await coming;
    if (!results && isBatchEnded(batch.state)) return;
    const rows = results && rowsIn(results, chunk, batch);
    if (results && rows !== undefined) {
      chunk += 1;
      coming = fetch(chunk);
      yield linesOf(source, results, { batch, rows, chunk: chunk - 1, from });
      continue;
    }
    const later = await source.waitFor(chunk);
    if (!later) return;
    batch = later;
    coming = fetch(chunk);
  }
}

/** Rows of a chunk that has ended; undefined while it has not, or may have more rows than the batch tells of. */
function rowsIn(
  { outputs, failure, invalid }: ChunkResults,
  chunk: number,
  { state, chunks, chunkRows, rows }: Batch,
): number | undefined {
  if (outputs) return outputs.rows;
  const isLast = chunk === chunks - 1;
  if (isLast && state === 'accepting') return undefined;
  const count = isLast ? rows.total - chunk * chunkRows : chunkRows;
  const hasEnded = failure !== undefined || Object.keys(invalid).length === count || isBatchEnded(state);
  return hasEnded ? count : undefined;
}

/** Room for the line of a row that has one number, in bytes. */
const LINE_BYTES = 48;

function linesOf(
  { outputs, format }: ResultSource,
  results: ChunkResults,
  { batch, chunk, rows, from }: { batch: Batch; chunk: number; rows: number; from: number },
): Buffer {
  const first = chunk * batch.chunkRows;
  const lines = new LineBuffer(LINE_BYTES * rows);
  for (let at = Math.max(0, from - first); at < rows; at += 1) {
    const row = first + at;
    const errors = results.invalid[at];
    if (errors) {
      lines.text(format.errorLine(row, { code: 'invalid_input', message: 'the row breaks rules', errors }));
    } else if (results.failure) lines.text(format.errorLine(row, results.failure));
    else if (!results.outputs) lines.text(format.errorLine(row, notRun(batch)));
    else {
      const message = problemOfRow(outputs, results.outputs.values, at);
      const fault = results.outputs.faults?.[at];
      if (message === undefined) format.line(lines, row, results.outputs.values, at);
      else if (fault !== undefined) {
        lines.text(format.errorLine(row, { code: 'invalid_input', message: fault }));
      } else lines.text(format.errorLine(row, { code: 'invalid_output', message }));
    }
  }
  return lines.written;
}

function notRun({ state }: Batch): { code: string; message: string } {
  const end = state === 'failed' ? 'failed' : 'was canceled';
  return { code: 'canceled', message: `the batch ${end} before the row ran` };
}
