import type { Figure } from '../../lib/figures.js';
import type { MeasureGroup } from '../rounds/measure.js';
import { runGroups, type RoundsOptions } from '../rounds/run-rounds.js';
import { type Verdict, verdictsOn } from '../rounds/verdicts.js';
import type { BenchHost } from '../service.js';
import { Subjects } from '../subjects/subjects.js';
import { batchMeasures } from './batch-measures.js';
import { burstMeasures } from './burst-measures.js';
import { limitMeasures } from './limit-measures.js';
import { idleMeasures, loadMeasures } from './load-measures.js';
import { TARGETS } from './targets.js';

/** Number and length of measurements. */
export interface CompareOptions extends RoundsOptions {
  /** Time for which clients submit in one run, in seconds. */
  seconds: number;
  /** Jobs of a burst. */
  burst: number;
  /** Interpreter that has the packages of the peers; without it those of Python are left out. */
  python?: string | undefined;
}

/** Figures, ratios and memory that a comparison found. */
export interface Comparison {
  figures: Figure[];
  verdicts: Verdict[];
  /** Largest resident memory of each process of each subject, in MB. */
  memoryMb: Record<string, Record<string, number>>;
  /** Why a subject could not be measured. */
  leftOut: string[];
}

/** Measures everything that this machine has, in rounds. */
export async function compare(host: BenchHost, options: CompareOptions): Promise<Comparison> {
  const ms = options.seconds * 1000;
  const subjects = new Subjects(host, options.python);
  const groups: MeasureGroup[] = [
    { measures: [...loadMeasures(subjects, ms), ...idleMeasures(subjects)] },
    burstMeasures(host, options.burst),
    batchMeasures(host),
    { measures: limitMeasures(host, ms) },
  ];
  try {
    const figures = await runGroups(groups, options);
    const memory = (await subjects.running()).map(({ name, peakMb }) => [name, peakMb()] as const);
    return {
      figures,
      verdicts: verdictsOn(TARGETS, figures),
      memoryMb: Object.fromEntries(memory),
      leftOut: subjects.leftOut(),
    };
  } finally {
    await subjects.stop();
  }
}
