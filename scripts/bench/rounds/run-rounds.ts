import type { Figure } from '../../lib/figures.js';
import type { Measure, MeasureGroup } from './measure.js';

/** Number of rounds, and their measures. */
export interface RoundsOptions {
  rounds: number;
  /** Texts, comma-separated: a measure runs when its name has one of them; undefined runs all measures. */
  only?: string | undefined;
  /** Told of every run. */
  onProgress?: ((text: string) => void) | undefined;
}

/** Measures groups in rounds, and stops each group at the end. */
export async function runGroups(groups: readonly MeasureGroup[], options: RoundsOptions): Promise<Figure[]> {
  try {
    return await runRounds(
      groups.flatMap(({ measures }) => measures),
      options,
    );
  } finally {
    for (const group of groups) await group.stop?.();
  }
}

/** Measures everything in rounds; each second round goes the other way round, so that a machine that slows down favours nobody. */
export async function runRounds(
  all: readonly Measure[],
  { rounds, only, onProgress = () => undefined }: RoundsOptions,
): Promise<Figure[]> {
  const measures = all.filter(wanted(only));
  const readings = new Map<string, { unit: string; rounds: number[] }>();
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
  return [...readings].map(([name, { unit, rounds: values }]) => ({ name, unit, rounds: values }));
}

const wanted =
  (only: string | undefined) =>
  ({ name }: Measure): boolean =>
    only === undefined || only.split(',').some((part) => name.includes(part.trim()));
