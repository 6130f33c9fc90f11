/** Division of a vertical axis, and the format of its values. */
export interface Axis {
  /** The distances that its values may have. */
  steps: number[];
  /** Writes all values of one axis: in one unit, and with as many decimals as their distance needs. */
  labels: (values: readonly number[]) => string[];
}

/** Name and size of a unit, and whether half of it may be written, too. The largest first. */
type Units = readonly (readonly [suffix: string, size: number, mayBreak?: true])[];

const [SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS] = [1_000, 60_000, 3_600_000, 86_400_000];
const LENGTHS: Units = [
  [' d', DAY_MS],
  [' h', HOUR_MS],
  [' min', MINUTE_MS],
  [' s', SECOND_MS, true],
  [' ms', 1],
];
const PLAIN: Units = [
  ['B', 1e9, true],
  ['M', 1e6, true],
  ['', 1],
];

/** Things that are counted: there is nothing between 1 and 2. */
export const COUNTS: Axis = { steps: decades(0, 9), labels: (values) => written(values, PLAIN) };

/** Rates and means. */
export const RATES: Axis = { steps: decades(-6, 9), labels: (values) => written(values, PLAIN) };

/** Lengths of time, in ms. */
export const DURATIONS: Axis = {
  steps: [
    ...decades(-2, 2),
    ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND_MS),
    ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE_MS),
    ...[1, 2, 4, 6, 12].map((count) => count * HOUR_MS),
    ...decades(0, 3).map((count) => count * DAY_MS),
  ],
  labels: (values) => written(values, LENGTHS),
};

/** 1, 2 and 5 of each power of ten. Read from text: `2e-3` is nearer to what is meant than `2 * 10 ** -3`. */
function decades(firstPower: number, lastPower: number): number[] {
  const powers = Array.from({ length: lastPower - firstPower + 1 }, (_, i) => firstPower + i);
  return powers.flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
}

function written(values: readonly number[], units: Units): string[] {
  const top = Math.max(...values, 0);
  const fits = ([, size, mayBreak]: Units[number]): boolean =>
    top >= size && decimalsOf(values, size) <= (mayBreak ? 1 : 0);
  const [suffix, size] = units.find(fits) ?? units.at(-1) ?? ['', 1];
  const decimals = decimalsOf(values, size);
  return values.map((value) => {
    if (value === 0) return '0';
    const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
    return `${(value / size).toLocaleString('en-US', digits)}${suffix}`;
  });
}

const MOST_DECIMALS = 6;

/** Decimals needed to write every value exactly. */
function decimalsOf(values: readonly number[], unit: number): number {
  const areExact = (decimals: number): boolean =>
    values.every((value) => Math.abs(Number((value / unit).toFixed(decimals)) - value / unit) < 1e-9);
  for (let decimals = 0; decimals < MOST_DECIMALS; decimals += 1) if (areExact(decimals)) return decimals;
  return MOST_DECIMALS;
}
