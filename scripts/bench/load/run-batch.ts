import { Readable } from 'node:stream';
import { pause } from '../../../shared/process/pause.js';
import { readLines, send } from './http.js';

/** Between two looks at a batch without a new row, in ms. */
const LOOK_EVERY_MS = 20;
/** Longest time without a new row; it only bounds a run that hangs. */
const PATIENCE_MS = 120_000;

/**
 * Uploads a batch and reads its results while it runs; resolves to rows a second, from the first byte sent to the last one
 * read. Without `model` the default model runs. An API that can hold the answer open sends rows as they come to an end;
 * another one is asked again.
 */
export async function runBatch(url: string, pieces: readonly string[], model?: string): Promise<number> {
  const startMs = performance.now();
  const { status, body } = await send(`${url}/batches${model === undefined ? '' : `?model=${model}`}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: Readable.from(pieces),
  });
  if (status !== 202) throw new Error(`a batch was answered with ${status}: ${body}`);
  const batch = `${url}/batches/${(JSON.parse(body) as { id: string }).id}`;
  let rows = 0;
  for (let newsMs = performance.now(), isComplete = false; !isComplete; ) {
    const read = await readLines(`${batch}/results?from=${rows}`, { prefer: 'wait=60' });
    isComplete = read.headers['batch-complete'] === 'true';
    rows += read.lines;
    if (read.lines > 0) newsMs = performance.now();
    else if (performance.now() - newsMs > PATIENCE_MS) throw new Error(`no row after the first ${rows}`);
    else if (!isComplete) await pause(LOOK_EVERY_MS);
  }
  const perSecond = rows / ((performance.now() - startMs) / 1000);
  const { body: text } = await send(batch, { method: 'GET' });
  const ended = JSON.parse(text) as { status: string; rows: { succeeded: number } };
  if (ended.status !== 'succeeded' || ended.rows.succeeded !== rows) {
    throw new Error(`of a batch ${rows} rows came back: ${text}`);
  }
  return perSecond;
}
