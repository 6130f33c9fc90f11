import { Plot, SERIES_COLORS } from '../../lib/plot.js';
import { type Figure, median, number } from '../../lib/figures.js';

/** A value of the x axis, and one of the y axis. */
export type Point = readonly [number, number];

/** Contents of a chart. */
export interface LogChart {
  title: string;
  subtitle: string;
  xLabel: string;
  /** Ticks of the x axis, ascending. */
  xs: readonly number[];
  yLabel: string;
  /** Lines without points are left out. */
  lines: readonly { name: string; points: readonly Point[] }[];
}

/** The medians of the figures that were measured, by the number that is in their names. */
export const pointsOf = (
  figures: readonly Figure[],
  xs: readonly number[],
  nameOf: (x: number) => string,
): Point[] =>
  xs.flatMap((x): Point[] => {
    const figure = figures.find(({ name }) => name === nameOf(x));
    return figure ? [[x, median(figure.rounds)]] : [];
  });

/** Lines through dots as SVG, both axes logarithmic; undefined where there is nothing to draw. */
export function logChart({ title, subtitle, xLabel, xs, yLabel, lines: all }: LogChart): string | undefined {
  const lines = all
    .map(({ name, points }, index) => ({
      name,
      color: SERIES_COLORS[index % SERIES_COLORS.length] ?? '',
      points: points.map(([x, y]): Point => [Math.log2(x), Math.log10(y)]),
    }))
    .filter(({ points }) => points.length > 0);
  if (lines.length === 0) return undefined;
  const values = lines.flatMap(({ points }) => points.map(([, y]) => y));
  const least = Math.floor(Math.min(...values));
  const most = Math.max(Math.ceil(Math.max(...values)), least + 1);
  const plot = new Plot({
    title,
    subtitle,
    x: {
      label: xLabel,
      minimum: Math.log2(Math.min(...xs)) - 0.2,
      maximum: Math.log2(Math.max(...xs)) + 0.2,
      ticks: xs.map(Math.log2),
      format: (tick) => number(2 ** tick),
    },
    y: {
      label: yLabel,
      minimum: least,
      maximum: most,
      ticks: Array.from({ length: most - least + 1 }, (_, index) => least + index),
      format: (tick) => number(10 ** tick),
    },
    legend: lines,
  });
  for (const { points, color } of lines) plot.line(points, color, true);
  return plot.toSvg();
}
