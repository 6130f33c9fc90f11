import { runBatch } from '../run-batch.js';
import { type BenchHost, startBenchService } from '../service.js';
import { OnDemand } from '../subjects/on-demand.js';
import { syntheticInputs } from '../../trips/synthetic-trips.js';
import type { Measure } from '../rounds/measure.js';

/** Name of the figure for batches of so many rows. */
export const batchOf = (rows: number): string => `Waggle, batch of ${rows.toLocaleString('en-US')} rows`;

/** Rows a second from the first byte of an upload to the last of its results, with the default model. */
export function batchMeasures(
  host: BenchHost,
  sizes: readonly number[],
): { measures: Measure[]; stop: () => Promise<void> } {
  const service = new OnDemand(() => startBenchService(host, {}));
  const measures = sizes.map((rows): Measure => {
    const pieces = syntheticInputs(rows);
    const name = batchOf(rows);
    const run = async () => runBatch((await service.get()).url, pieces);
    return { name, warmUp: run, run: async () => [{ figure: name, unit: 'rows/s', value: await run() }] };
  });
  return { measures, stop: () => service.stop() };
}
