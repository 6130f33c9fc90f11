import { AppError } from '../../../shared/errors.js';
import type { Figure } from '../../lib/figures.js';
import type { Measure, MeasureGroup } from './measure.js';

/** Number of rounds, and their measures. */
export interface RoundsOptions {
  rounds: number;
  /** A measure runs when its name has one of these texts; undefined runs all measures. */
  only?: readonly string[] | undefined;
  /** Told of every run. */
  onProgress?: ((text: string) => void) | undefined;
}

/** No measure has one of the texts that were asked for in its name. Tells the names that there are. */
export class NoMeasureError extends AppError {
  readonly code = 'no_such_measure';
  constructor(only: readonly string[], all: readonly Measure[]) {
    const asked = only.map((text) => `"${text}"`).join(' or ');
    super(
      `no measure has ${asked} in its name; there are:\n${all.map(({ name }) => `  ${name}`).join('\n')}`,
    );
  }
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

/**
 * Measures everything in rounds; each second round goes the other way round, so that a machine that slows down favours nobody.
 * Rejects with {@link NoMeasureError}.
 */
export async function runRounds(
  all: readonly Measure[],
  { rounds, only, onProgress = () => undefined }: RoundsOptions,
): Promise<Figure[]> {
  const measures = all.filter(wanted(only));
  if (measures.length === 0) throw new NoMeasureError(only ?? [], all);
  const readings = new Map<string, { unit: string; rounds: number[] }>();
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, warmUp, run } of round % 2 === 0 ? measures : measures.toReversed()) {
      if (warmUp) onProgress(`warming up: ${name}`);
      await warmUp?.();
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
  (only: readonly string[] | undefined) =>
  ({ name }: Measure): boolean =>
    only === undefined || only.some((text) => name.includes(text));
