import { Readable } from 'node:stream';
import { type Figure, percentile } from '../lib/figures.js';
import { countLines, keepAliveAgent, send } from './http.js';
import { type BenchHost, startBenchService } from './service.js';
import { exampleInput, syntheticInputs } from '../trips/synthetic-trips.js';

/** How large and how often. */
export interface BatchBenchOptions {
  rows: number;
  rounds: number;
}

/**
 * Rows a second from the first byte of an upload to the last byte of its results, with peak memory; every second
 * round with one client that submits single jobs and waits for each, for their latency meanwhile.
 */
export async function benchBatch(host: BenchHost, { rows, rounds }: BatchBenchOptions): Promise<Figure[]> {
  const pieces = syntheticInputs(rows);
  const service = await startBenchService(host, { BATCH_MAX_ROWS: String(rows) });
  const alone: number[] = [];
  const shared: number[] = [];
  const latenciesMs: number[] = [];
  try {
    await runBatch(service.url, pieces.slice(0, 1));
    for (let round = 0; round < rounds; round += 1) {
      alone.push(await runBatch(service.url, pieces));
      const singles = submitSingles(service.url);
      shared.push(await runBatch(service.url, pieces));
      latenciesMs.push(...(await singles.stop()));
    }
    return [
      { name: 'rows a second, batch alone', unit: 'rows/s', rounds: alone },
      { name: 'rows a second, beside single jobs', unit: 'rows/s', rounds: shared },
      { name: 'single jobs beside a batch, p50', unit: 'ms', rounds: [percentile(latenciesMs, 0.5)] },
      { name: 'single jobs beside a batch, p95', unit: 'ms', rounds: [percentile(latenciesMs, 0.95)] },
      ...Object.entries(service.peakMb()).map(([kind, mb]) => ({
        name: `peak memory, ${kind}`,
        unit: 'MB',
        rounds: [mb],
      })),
    ];
  } finally {
    await service.stop();
  }
}

/** Uploads, waits and reads the results; resolves to rows a second. `model`: the server's default when left out. */
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

function submitSingles(url: string): { stop(): Promise<number[]> } {
  const latenciesMs: number[] = [];
  const agent = keepAliveAgent(1);
  const stopping = new AbortController();
  const ended = (async () => {
    while (!stopping.signal.aborted) {
      const startMs = performance.now();
      await submitAndWait(url, agent);
      latenciesMs.push(performance.now() - startMs);
    }
    agent.destroy();
  })();
  return {
    async stop() {
      stopping.abort();
      await ended;
      return latenciesMs;
    },
  };
}

/** One job from submission to result. */
export async function submitAndWait(url: string, agent: ReturnType<typeof keepAliveAgent>): Promise<void> {
  const { status, body } = await send(`${url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=5' },
    body: exampleInput(),
    agent,
  });
  if (status !== 200) throw new Error(`a job was answered with ${status}: ${body}`);
}
