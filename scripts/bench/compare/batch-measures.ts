import { syntheticInputs } from '../../trips/synthetic-trips.js';
import { runBatch } from '../load/run-batch.js';
import type { MeasureGroup } from '../rounds/measure.js';
import { type BenchHost, startBenchService } from '../service.js';
import { OnDemand } from '../subjects/on-demand.js';

const ROWS = 100_000;
export const BATCH = `Waggle, batch of ${ROWS.toLocaleString('en-US')} rows`;

/** Rows a second from the first byte of an upload to the last of its results, with the default model. */
export function batchMeasures(host: BenchHost): MeasureGroup {
  const service = new OnDemand(() => startBenchService(host, {}));
  const pieces = syntheticInputs(ROWS);
  const rowsPerSecond = async () => runBatch((await service.get()).url, pieces);
  const run = async () => [{ figure: BATCH, unit: 'rows/s', value: await rowsPerSecond() }];
  return { measures: [{ name: BATCH, warmUp: rowsPerSecond, run }], stop: () => service.stop() };
}
