import { type Figure, median, number } from '../../lib/figures.js';

/** A ratio of two figures of one round, and its goal. */
export interface Target {
  name: string;
  figure: string;
  over: string;
  goal: { atLeast: number } | { atMost: number };
}

/** A target and the ratio that was found, round by round. */
export interface Verdict extends Target {
  ratios: number[];
  ratio: number;
  isMet: boolean;
}

/** A verdict on each target whose two figures were measured. */
export function verdictsOn(targets: readonly Target[], figures: readonly Figure[]): Verdict[] {
  return targets.flatMap((target) => {
    const ratios = ratiosOf(figures, target);
    if (!ratios) return [];
    const ratio = median(ratios);
    const isMet = 'atLeast' in target.goal ? ratio >= target.goal.atLeast : ratio <= target.goal.atMost;
    return [{ ...target, ratios, ratio, isMet }];
  });
}

/** One figure over another, round by round; undefined where one of them was not measured. */
export function ratiosOf(
  figures: readonly Figure[],
  { figure, over }: Pick<Target, 'figure' | 'over'>,
): number[] | undefined {
  const [values, divisors] = [figure, over].map((name) => figures.find((one) => one.name === name)?.rounds);
  if (!values || !divisors) return undefined;
  return values.map((value, round) => value / (divisors[round] ?? Number.NaN));
}

/** Lowest and highest of some ratios, to be read. */
export const spread = (ratios: readonly number[]): string =>
  `(${number(Math.min(...ratios))} to ${number(Math.max(...ratios))})`;
