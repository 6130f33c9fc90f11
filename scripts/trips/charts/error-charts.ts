import type { Evaluation } from '../evaluation.js';
import { minuteOfWeekOf, recordedDistance, type Trips } from '../trips.js';
import { type ErrorGroup, errorsByGroup } from './grouping.js';
import { COLORS, Plot } from '../../lib/plot.js';
import { roundTicks } from '../../lib/plot.js';

/** The data of a chart of errors. */
export interface ChartData {
  trips: Trips;
  evaluation: Evaluation;
}

const LEGEND = [
  { name: 'pickup time not given', color: COLORS.withoutTime },
  { name: 'pickup time given', color: COLORS.withTime },
];

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
    legend: LEGEND,
  });
  return plot
    .line(
      groups.map((group, hour) => [hour, group.rmseWithoutTime]),
      COLORS.withoutTime,
      true,
    )
    .line(
      groups.map((group, hour) => [hour, group.rmseWithTime]),
      COLORS.withTime,
      true,
    )
    .toSvg();
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
    legend: LEGEND,
  });
  return plot
    .boxes(
      groups.map((group, at) => [at - 0.36, 0, at - 0.02, group.rmseWithoutTime]),
      COLORS.withoutTime,
    )
    .boxes(
      groups.map((group, at) => [at + 0.02, 0, at + 0.36, group.rmseWithTime]),
      COLORS.withTime,
    )
    .toSvg();
}

function errorAxis(groups: readonly ErrorGroup[]) {
  const ticks = roundTicks(Math.max(...groups.map((group) => group.rmseWithoutTime)));
  return { label: 'RMSE, minutes', minimum: 0, maximum: ticks.at(-1)!, ticks };
}
