/** One measured figure; `rounds` holds the value of each round. */
export interface Figure {
  name: string;
  unit: string;
  rounds: readonly number[];
}

/** The value that `share` of the numbers do not exceed; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** One line a figure: its median, and its lowest and highest round. */
export function figureLines(figures: readonly Figure[]): string[] {
  const width = Math.max(...figures.map(({ name }) => name.length));
  return figures.map(({ name, unit, rounds }) => {
    const spread =
      rounds.length > 1 ? `  (${number(Math.min(...rounds))} to ${number(Math.max(...rounds))})` : '';
    return `${name.padEnd(width)}  ${number(median(rounds)).padStart(10)} ${unit}${spread}`;
  });
}

/** A figure as it is read: whole above a thousand, three digits below. */
export const number = (value: number): string =>
  value.toLocaleString('en-US', {
    maximumSignificantDigits: value >= 1000 ? 7 : 4,
    maximumFractionDigits: value >= 1000 ? 0 : 3,
  });

/** 1234567 as 1,234,567. */
export const count = (value: number): string => Math.round(value).toLocaleString('en-US');

/** A time in words: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** A value of two digits. */
export const twoDigits = (value: number): number => Number(value.toPrecision(2));
