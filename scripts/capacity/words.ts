import { number } from '../bench/figures.js';

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const;

/** A time as it is read: 24 h, 18 min, 2.5 s. */
export function duration(ms: number): string {
  // A day is read as 24 hours, two days are not read as 48.
  const [unitMs, unit] = UNITS.find(([unitMs]) => ms >= unitMs * (unitMs === 86_400_000 ? 2 : 1)) ?? [
    1,
    'ms',
  ];
  return `${threeDigits(ms / unitMs)} ${unit}`;
}

/** An amount of memory as it is read. */
export const megabytes = (mb: number): string =>
  mb >= 1_000 ? `${threeDigits(mb / 1_000)} GB` : `${threeDigits(mb)} MB`;

/** Three digits are more than a plan holds. */
export const threeDigits = (value: number): string => number(Number(value.toPrecision(3)));

/** Up to the next number of two digits and zeros. */
export function roundedUp(value: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
  return Math.ceil(value / unit) * unit;
}

/** A number and what it counts, in the singular where it is one. */
export const counted = (count: number, one: string, several = `${one}s`): string =>
  `${number(count)} ${count === 1 ? one : several}`;
