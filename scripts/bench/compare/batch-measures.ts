import { runBatch } from '../batch.js';
import type { BenchHost } from '../service.js';
import { type BenchService, startBenchService } from '../service.js';
import { syntheticInputs } from '../../trips/synthetic-trips.js';
import type { Measure } from './measure.js';

/** Name of the figure for batches of so many rows. */
export const batchOf = (rows: number): string => `Waggle, batch of ${rows.toLocaleString('en-US')} rows`;

/** Rows a second from the first byte of an upload to the last of its results, with the default model. */
export function batchMeasures(
  host: BenchHost,
  sizes: readonly number[],
): { measures: Measure[]; stop: () => Promise<void> } {
  let opened: Promise<BenchService> | undefined;
  const open = (): Promise<BenchService> => (opened ??= startBenchService(host, {}));
  const measures = sizes.map((rows): Measure => {
    const pieces = syntheticInputs(rows);
    const name = batchOf(rows);
    const run = async () => runBatch((await open()).url, pieces);
    return { name, warmUp: run, run: async () => [{ figure: name, unit: 'rows/s', value: await run() }] };
  });
  return { measures, stop: async () => (await opened?.catch(() => undefined))?.stop() };
}
