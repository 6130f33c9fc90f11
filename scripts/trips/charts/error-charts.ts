import type { Evaluation } from '../evaluation.js';
import { minuteOfWeekOf, recordedDistance, type Trips } from '../trips.js';
import { COLORS, Plot, roundTicks } from '../../lib/plot.js';

/** The data of a chart of errors. */
export interface ChartData {
  trips: Trips;
  evaluation: Evaluation;
}

/** The two ways in which a model is asked, as they are drawn. */
export const WAYS = [
  { name: 'pickup time not given', color: COLORS.withoutTime, way: 'withoutTime' },
  { name: 'pickup time given', color: COLORS.withTime, way: 'withTime' },
] as const;

/** Trips that belong together, and their root mean squared errors. */
type ErrorGroup = Record<'rows' | 'withoutTime' | 'withTime', number>;

/** Error over the hours of the day at which trips start. */
export function errorByHour(data: ChartData): string {
  const hourOf = (row: number): number =>
    Math.floor(((minuteOfWeekOf(data.trips.pickupLocalMs[row]!) - 1) % 1440) / 60);
  const groups = errorsByGroup(data, 24, hourOf);
  const plot = new Plot({
    title: 'Error by hour of pickup',
    subtitle: 'Root mean squared error on the validation trips',
    x: {
      label: 'Hour of day, local time',
      minimum: -0.5,
      maximum: 23.5,
      ticks: [0, 3, 6, 9, 12, 15, 18, 21],
    },
    y: errorAxis(groups),
    legend: WAYS,
  });
  for (const { color, way } of WAYS) {
    plot.line(
      [...groups.entries()].map(([hour, group]) => [hour, group[way]] as const),
      color,
      true,
    );
  }
  return plot.toSvg();
}

/** Upper ends of the groups of distances, in miles; group 0 holds those not recorded. */
const DISTANCE_ENDS = [0, 1, 2, 3, 5, 8, 12, 20, 100];

/** Error over how long trips are. */
export function errorByDistance(data: ChartData): string {
  const groupOf = (row: number): number => {
    const miles = recordedDistance(data.trips.distanceMiles[row]!);
    return DISTANCE_ENDS.findIndex((end) => miles <= end);
  };
  const groups = errorsByGroup(data, DISTANCE_ENDS.length, groupOf);
  const names = DISTANCE_ENDS.map((end, group) =>
    group === 0 ? 'unknown' : `${DISTANCE_ENDS[group - 1]}-${end}`,
  );
  const share = (group: number): string => `${((100 * groups[group]!.rows) / data.trips.length).toFixed(1)}%`;
  const plot = new Plot({
    title: 'Error by distance',
    subtitle: 'Root mean squared error on the validation trips',
    x: {
      label: 'Miles, and share of trips',
      minimum: -0.5,
      maximum: groups.length - 0.5,
      ticks: [...groups.keys()],
      format: (group) => `${names[group]}\n${share(group)}`,
    },
    y: errorAxis(groups),
    legend: WAYS,
  });
  WAYS.forEach(({ color, way }, side) => {
    const left = -0.36 + 0.38 * side;
    plot.boxes(
      groups.map((group, at) => [at + left, 0, at + left + 0.34, group[way]] as const),
      color,
    );
  });
  return plot.toSvg();
}

function errorAxis(groups: readonly ErrorGroup[]) {
  const ticks = roundTicks(Math.max(...groups.map((group) => group.withoutTime)));
  return { label: 'RMSE, minutes', minimum: 0, maximum: ticks.at(-1)!, ticks };
}

/** Errors by group; `groupOf` gives a trip's group, 0 to `groups` - 1. */
function errorsByGroup(
  { trips, evaluation }: ChartData,
  groups: number,
  groupOf: (row: number) => number,
): ErrorGroup[] {
  const sums = Array.from({ length: groups }, () => ({ rows: 0, withoutTime: 0, withTime: 0 }));
  for (let row = 0; row < trips.length; row++) {
    const sum = sums[groupOf(row)]!;
    const actual = trips.durationMinutes[row]!;
    sum.rows++;
    for (const { way } of WAYS) sum[way] += (evaluation[way].minutes[row]! - actual) ** 2;
  }
  return sums.map(({ rows, withoutTime, withTime }) => ({
    rows,
    withoutTime: Math.sqrt(withoutTime / Math.max(1, rows)),
    withTime: Math.sqrt(withTime / Math.max(1, rows)),
  }));
}
