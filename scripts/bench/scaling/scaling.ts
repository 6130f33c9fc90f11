import { availableParallelism } from 'node:os';
import { logChart, pointsOf } from '../rounds/log-chart.js';
import type { Findings } from '../rounds/report.js';
import { runGroups, type RoundsOptions } from '../rounds/run-rounds.js';
import { verdictsOn } from '../rounds/verdicts.js';
import type { Figure } from '../../lib/figures.js';
import type { BenchHost } from '../service.js';
import { processMeasures, processNotes } from './process-measures.js';
import { SLOW_MODEL_TARGETS, slowModelMeasures, slowRateOf, WORKERS } from './slow-model-measures.js';

/** Number of rounds, and the seconds for which clients submit in one run. */
export type ScalingOptions = RoundsOptions & { seconds: number };

/** Jobs a second by the number of processes: where workers are the limit, and where cores are. */
export async function benchScaling(host: BenchHost, options: ScalingOptions): Promise<Findings> {
  const ms = options.seconds * 1000;
  const figures = await runGroups([slowModelMeasures(host, ms), processMeasures(host, ms)], options);
  return {
    figures,
    verdicts: verdictsOn(SLOW_MODEL_TARGETS, figures),
    notes: processNotes(figures, availableParallelism()),
  };
}

/** Jobs a second by the number of workers, beside that number times the rate of one worker. */
export function scalingChart(figures: readonly Figure[], machine: string): string | undefined {
  const measured = pointsOf(figures, WORKERS, slowRateOf);
  const one = measured.find(([workers]) => workers === 1)?.[1];
  return logChart({
    title: 'Jobs a second of a model that takes 20 ms a micro-batch',
    subtitle: machine,
    xLabel: 'workers',
    xs: WORKERS,
    yLabel: 'jobs a second',
    lines: [
      { name: 'measured', points: measured },
      {
        name: 'so many times one worker',
        points: one === undefined ? [] : WORKERS.map((workers) => [workers, one * workers] as const),
      },
    ],
  });
}
