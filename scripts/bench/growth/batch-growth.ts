import { runBatch } from '../load/run-batch.js';
import type { Measure } from '../rounds/measure.js';
import type { Target } from '../rounds/verdicts.js';
import { type BenchHost, startBenchService } from '../service.js';
import { syntheticInputs } from '../../trips/synthetic-trips.js';

const SIZES = [1_000, 10_000, 100_000, 1_000_000] as const;
const [SMALLEST, SMALL] = SIZES;
export const LARGE = SIZES[3];

/** Batches of the smallest size before each measured one, so that its programs are compiled. */
const WARM_UP_BATCHES = 10;

/** The measured sizes of batches of at most `rows` rows. */
export function sizesUpTo(rows: number): number[] {
  const sizes = SIZES.filter((size) => size <= rows);
  return sizes.length > 0 ? sizes : [rows];
}

/** A batch by its rows. */
export const named = (rows: number): string => `batch of ${rows.toLocaleString('en-US')} rows`;

/** Name of the figure of a batch's rows a second. */
export const rowRateOf = (rows: number): string => `${named(rows)}, speed`;

/** A row is not to cost more for being one of many. */
export const BATCH_TARGETS: readonly Target[] = [
  {
    name: `rows a second, ${LARGE.toLocaleString('en-US')} rows over ${SMALL.toLocaleString('en-US')}`,
    figure: rowRateOf(LARGE),
    over: rowRateOf(SMALL),
    goal: { atLeast: 0.9 },
  },
];

/**
 * A batch of each size from the first byte of its upload to the last of its results, on a service that is started for
 * it: the memory of each process is its largest since then.
 */
export function batchGrowthMeasures(host: BenchHost, sizes: readonly number[]): Measure[] {
  return sizes.map((rows): Measure => {
    const name = named(rows);
    return {
      name,
      async run() {
        const pieces = syntheticInputs(rows);
        const service = await startBenchService(host, { BATCH_MAX_ROWS: String(rows) });
        try {
          const warmUp = syntheticInputs(Math.min(SMALLEST, rows));
          for (let batch = 0; batch < WARM_UP_BATCHES; batch += 1) await runBatch(service.url, warmUp);
          const perSecond = await runBatch(service.url, pieces);
          const memory = Object.entries(service.peakMb());
          return [
            { figure: `${name}, time`, unit: 's', value: rows / perSecond },
            { figure: rowRateOf(rows), unit: 'rows/s', value: perSecond },
            ...memory.map(([kind, mb]) => ({ figure: `${name}, memory, ${kind}`, unit: 'MB', value: mb })),
          ];
        } finally {
          await service.stop();
        }
      },
    };
  });
}
