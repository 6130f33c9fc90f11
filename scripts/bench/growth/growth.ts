import type { Figure } from '../../lib/figures.js';
import { logChart, pointsOf } from '../rounds/log-chart.js';
import type { Findings } from '../rounds/report.js';
import { runGroups, type RoundsOptions } from '../rounds/run-rounds.js';
import { verdictsOn } from '../rounds/verdicts.js';
import type { BenchHost } from '../service.js';
import { BATCH_TARGETS, batchGrowthMeasures, LARGE, rowRateOf, sizesUpTo } from './batch-growth.js';
import { BESIDE_TARGETS, besideBatchMeasure } from './beside-batch.js';
import { dashboardMeasures } from './dashboards.js';
import { DEPTH_TARGETS, depthMeasure } from './queue-depth.js';

/** Rounds, and the most rows of a batch. */
export type GrowthOptions = RoundsOptions & { rows: number };

/**
 * Time and memory by the rows of a batch, single jobs beside the largest one, and the rate of submits by the jobs that wait and
 * by open dashboards.
 */
export async function benchGrowth(host: BenchHost, options: GrowthOptions): Promise<Findings> {
  const figures = await runGroups(
    [
      { measures: batchGrowthMeasures(host, sizesUpTo(options.rows)) },
      { measures: [besideBatchMeasure(host, Math.min(options.rows, LARGE)), depthMeasure(host)] },
      dashboardMeasures(host),
    ],
    options,
  );
  return {
    figures,
    verdicts: verdictsOn([...BATCH_TARGETS, ...BESIDE_TARGETS, ...DEPTH_TARGETS], figures),
    notes: ['Memory is the largest of each process since its start, several of a kind added up.'],
  };
}

/** Rows a second by rows of a batch: level where cost grows as rows do. */
export function growthChart(figures: readonly Figure[], rows: number, machine: string): string | undefined {
  const xs = sizesUpTo(rows);
  return logChart({
    title: 'Rows a second, by rows of the batch',
    subtitle: machine,
    xLabel: 'rows of the batch',
    xs,
    yLabel: 'rows a second',
    lines: [{ name: 'from first byte sent to last result read', points: pointsOf(figures, xs, rowRateOf) }],
  });
}
