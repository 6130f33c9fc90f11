import { type Figure, median, number } from '../../lib/figures.js';

/** A figure, or its ratio over another one of the same round, and the goal for it. */
export interface Target {
  name: string;
  figure: string;
  over?: string;
  goal: { atLeast: number } | { atMost: number };
}

/** A target and what was found, in each round and as the median. */
export interface Verdict extends Target {
  values: readonly number[];
  value: number;
  isMet: boolean;
}

/** A verdict on each target whose figures were measured. */
export function verdictsOn(targets: readonly Target[], figures: readonly Figure[]): Verdict[] {
  return targets.flatMap((target) => {
    const values = valuesOf(figures, target);
    if (!values) return [];
    const value = median(values);
    const isMet = 'atLeast' in target.goal ? value >= target.goal.atLeast : value <= target.goal.atMost;
    return [{ ...target, values, value, isMet }];
  });
}

/** A figure, or one over another, round by round; undefined where one of them was not measured. */
export function valuesOf(
  figures: readonly Figure[],
  { figure, over }: Pick<Target, 'figure' | 'over'>,
): readonly number[] | undefined {
  const [values, divisors] = [figure, over].map((name) => figures.find((one) => one.name === name)?.rounds);
  if (over === undefined || !values) return values;
  if (!divisors) return undefined;
  return values.map((value, round) => value / (divisors[round] ?? Number.NaN));
}

/** Lowest and highest of some values, to be read. */
export const spread = (values: readonly number[]): string =>
  `(${number(Math.min(...values))} to ${number(Math.max(...values))})`;
