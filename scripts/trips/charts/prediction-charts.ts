import { Plot } from '../../lib/plot.js';
import { DURATION_RANGE_MINUTES } from '../trips.js';
import { type ChartData, WAYS } from './error-charts.js';

const CELL_MINUTES = 2;
const LONGEST = DURATION_RANGE_MINUTES.maximum;
const MINUTES_AXIS = { minimum: 0, maximum: LONGEST, ticks: [0, 10, 20, 30, 40, 50, 60] };
/** Light to dark: each shade starts at three times as many trips as the one before. */
const SHADES = ['#e3eef7', '#c0d9ec', '#92bfdf', '#5b9fce', '#2c7bb6', '#12568d', '#08335a'];

/** Where the predictions lie for trips of each duration, as a map of counts. */
export function predictedAgainstActual({ trips, evaluation }: ChartData): string {
  const cells = Math.ceil(LONGEST / CELL_MINUTES);
  const counts = new Int32Array(cells * cells);
  const cellOf = (minutes: number): number => Math.min(cells - 1, Math.floor(minutes / CELL_MINUTES));
  for (let row = 0; row < trips.length; row++) {
    counts[cellOf(trips.durationMinutes[row]!) * cells + cellOf(evaluation.withTime.minutes[row]!)]!++;
  }
  const plot = new Plot({
    title: 'Predicted against actual duration',
    subtitle: `${trips.length.toLocaleString('en-US')} validation trips, pickup time given; colours count trips`,
    x: { label: 'Actual minutes', ...MINUTES_AXIS },
    y: { label: 'Predicted minutes', ...MINUTES_AXIS },
    legend: SHADES.map((color, shade) => ({ name: `${3 ** shade}+`, color })),
  });
  SHADES.forEach((color, shade) => {
    const corners = [...counts.keys()]
      .filter((cell) => shadeOf(counts[cell]!) === shade)
      .map((cell) => {
        const [x, y] = [Math.floor(cell / cells) * CELL_MINUTES, (cell % cells) * CELL_MINUTES];
        return [x, y, x + CELL_MINUTES, y + CELL_MINUTES] as const;
      });
    if (corners.length > 0) plot.boxes(corners, color);
  });
  return plot.guide([0, 0], [LONGEST, LONGEST]).toSvg();
}

const shadeOf = (count: number): number =>
  count === 0 ? -1 : Math.min(SHADES.length - 1, Math.floor(Math.log(count) / Math.log(3)));

const GROUPS = 20;

/** Whether trips predicted to take so long do take so long on average. */
export function calibration({ trips, evaluation }: ChartData): string {
  const plot = new Plot({
    title: 'Calibration',
    subtitle: 'Twenty groups of trips by predicted duration; on the dashed line they are right on average',
    x: { label: 'Mean predicted minutes', ...MINUTES_AXIS },
    y: { label: 'Mean actual minutes', ...MINUTES_AXIS },
    legend: WAYS,
  }).guide([0, 0], [LONGEST, LONGEST]);
  for (const { color, way } of WAYS) {
    plot.line(groupMeans(evaluation[way].minutes, trips.durationMinutes), color, true);
  }
  return plot.toSvg();
}

function groupMeans(predicted: Float32Array, actual: Float64Array): [number, number][] {
  const order = Int32Array.from(predicted.keys()).toSorted((a, b) => predicted[a]! - predicted[b]!);
  return Array.from({ length: GROUPS }, (_, group) => {
    const start = Math.floor((group * order.length) / GROUPS);
    const end = Math.floor(((group + 1) * order.length) / GROUPS);
    const rows = order.subarray(start, end);
    const mean = (values: Float32Array | Float64Array): number =>
      rows.reduce((sum, row) => sum + values[row]!, 0) / Math.max(1, rows.length);
    return [mean(predicted), mean(actual)];
  });
}
