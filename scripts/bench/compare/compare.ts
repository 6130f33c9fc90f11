import type { Figure } from '../../lib/figures.js';
import { runRounds, type RoundsOptions } from '../rounds/run-rounds.js';
import { type Verdict, verdictsOn } from '../rounds/verdicts.js';
import type { BenchHost } from '../service.js';
import { Subjects } from '../subjects/subjects.js';
import { batchMeasures } from './batch-measures.js';
import { burstMeasures } from './burst-measures.js';
import { limitMeasures } from './limit-measures.js';
import { idleMeasures, loadMeasures } from './load-measures.js';
import { BATCH_ROWS, TARGETS } from './targets.js';

/** What is measured, how often and how long. */
export interface CompareOptions extends RoundsOptions {
  /** How long clients submit in one run, in seconds. */
  seconds: number;
  /** Jobs of a burst. */
  burst: number;
}

/** What a comparison found. */
export interface Comparison {
  figures: Figure[];
  verdicts: Verdict[];
  /** Largest resident memory of each process of each subject, in MB. */
  memoryMb: Record<string, Record<string, number>>;
  /** What could not be measured, and why. */
  leftOut: string[];
}

/** Measures everything that this machine has, in rounds. */
export async function compare(host: BenchHost, options: CompareOptions): Promise<Comparison> {
  const { seconds, burst: burstJobs } = options;
  const subjects = new Subjects(host);
  const burst = burstMeasures(host, burstJobs);
  const batch = batchMeasures(host, [BATCH_ROWS]);
  const measures = [
    ...loadMeasures(subjects, seconds * 1000),
    ...idleMeasures(subjects),
    ...burst.measures,
    ...batch.measures,
    ...limitMeasures(host, seconds * 1000),
  ];
  try {
    const figures = await runRounds(measures, options);
    const memory = (await subjects.running()).map(({ name, peakMb }) => [name, peakMb()] as const);
    return {
      figures,
      verdicts: verdictsOn(TARGETS, figures),
      memoryMb: Object.fromEntries(memory),
      leftOut: subjects.leftOut(),
    };
  } finally {
    await subjects.stop();
    await burst.stop();
    await batch.stop();
  }
}
