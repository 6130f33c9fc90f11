import { number } from '../lib/figures.js';

/** Units of time in ms, and from where on they are read: a day is 24 hours, two days are not 48. */
const UNITS = [
  { fromMs: 172_800_000, unitMs: 86_400_000, unit: 'd' },
  { fromMs: 3_600_000, unitMs: 3_600_000, unit: 'h' },
  { fromMs: 60_000, unitMs: 60_000, unit: 'min' },
  { fromMs: 1_000, unitMs: 1_000, unit: 's' },
  { fromMs: 0, unitMs: 1, unit: 'ms' },
] as const;

/** A time as it is read: 24 h, 18 min, 2.5 s. */
export function duration(ms: number): string {
  const found = UNITS.find(({ fromMs }) => ms >= fromMs) ?? UNITS[4];
  return `${threeDigits(ms / found.unitMs)} ${found.unit}`;
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
