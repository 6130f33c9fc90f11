import { Readable } from 'node:stream';
import { countLines, send } from './http.js';

/** Uploads a batch, waits for it and reads its results; resolves to rows a second. Without `model` the default model runs. */
export async function runBatch(url: string, pieces: readonly string[], model?: string): Promise<number> {
  const startMs = performance.now();
  const { status, body } = await send(`${url}/batches${model === undefined ? '' : `?model=${model}`}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', prefer: 'wait=60' },
    body: Readable.from(pieces),
  });
  const batch = JSON.parse(body) as { id: string; status: string; rows: { succeeded: number } };
  if (status !== 200 || batch.status !== 'succeeded') {
    throw new Error(`the batch is ${batch.status}: ${body}`);
  }
  const rows = await countLines(`${url}/batches/${batch.id}/results`);
  if (rows !== batch.rows.succeeded) {
    throw new Error(`${batch.rows.succeeded} rows succeeded, ${rows} came back`);
  }
  return rows / ((performance.now() - startMs) / 1000);
}
