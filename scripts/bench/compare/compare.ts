import { type Figure, median } from '../figures.js';
import type { BenchHost } from '../service.js';
import { Subjects } from '../subjects/subjects.js';
import { batchMeasures } from './batch-measures.js';
import { burstMeasures } from './burst-measures.js';
import { limitMeasures } from './limit-measures.js';
import { idleMeasures, loadMeasures } from './load-measures.js';
import type { Measure } from './measure.js';
import { BATCH_ROWS, TARGETS, type Target } from './targets.js';

/** What is measured, how often and how long. */
export interface CompareOptions {
  rounds: number;
  /** How long clients submit in one run, in seconds. */
  seconds: number;
  /** Jobs of a burst. */
  burst: number;
  /** Only what has one of these in its name, comma-separated; undefined: everything. */
  only?: string | undefined;
  /** Told of every run. */
  onProgress?: (text: string) => void;
}

/** A target and the ratio that was found, round by round. */
export interface Verdict extends Target {
  ratios: number[];
  ratio: number;
  isMet: boolean;
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

/** Measures everything in rounds; each second round goes the other way round, so that a machine that slows down favours nobody. */
export async function compare(host: BenchHost, options: CompareOptions): Promise<Comparison> {
  const { rounds, seconds, burst: burstJobs, onProgress = () => undefined } = options;
  const subjects = new Subjects(host);
  const burst = burstMeasures(host, burstJobs);
  const batch = batchMeasures(host, [BATCH_ROWS]);
  const measures = [
    ...loadMeasures(subjects, seconds * 1000),
    ...idleMeasures(subjects),
    ...burst.measures,
    ...batch.measures,
    ...limitMeasures(host, seconds * 1000),
  ].filter(wanted(options.only));
  const readings = new Map<string, { unit: string; rounds: number[] }>();
  try {
    for (const { name, warmUp } of measures) {
      if (!warmUp) continue;
      onProgress(`warming up: ${name}`);
      await warmUp();
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const { name, run } of round % 2 === 0 ? measures : measures.toReversed()) {
        onProgress(`round ${round + 1} of ${rounds}: ${name}`);
        for (const { figure, unit, value } of await run()) {
          const kept = readings.get(figure) ?? { unit, rounds: [] };
          readings.set(figure, kept);
          kept.rounds.push(value);
        }
      }
    }
    const memory = (await subjects.running()).map(({ name, peakMb }) => [name, peakMb()] as const);
    return {
      figures: [...readings].map(([name, { unit, rounds: values }]) => ({ name, unit, rounds: values })),
      verdicts: TARGETS.flatMap((target) => verdictOn(target, readings)),
      memoryMb: Object.fromEntries(memory),
      leftOut: subjects.leftOut(),
    };
  } finally {
    await subjects.stop();
    await burst.stop();
    await batch.stop();
  }
}

const wanted =
  (only: string | undefined) =>
  ({ name }: Measure): boolean =>
    only === undefined || only.split(',').some((part) => name.includes(part.trim()));

function verdictOn(target: Target, readings: ReadonlyMap<string, { rounds: number[] }>): Verdict[] {
  const figure = readings.get(target.figure)?.rounds;
  const over = readings.get(target.over)?.rounds;
  if (!figure || !over) return [];
  const ratios = figure.map((value, round) => value / (over[round] ?? Number.NaN));
  const ratio = median(ratios);
  const isMet = 'atLeast' in target.goal ? ratio >= target.goal.atLeast : ratio <= target.goal.atMost;
  return [{ ...target, ratios, ratio, isMet }];
}
