import type { EpochFigures } from '../neural/train-network.js';
import { COLORS, Plot } from '../../lib/plot.js';
import { roundTicks } from '../../lib/plot.js';

/** Errors after each epoch. */
export function trainingCurve(history: readonly EpochFigures[]): string {
  const all = history.flatMap((epoch) => [epoch.training, epoch.holdoutWithoutTime, epoch.holdoutWithTime]);
  const ticks = roundTicks(Math.max(...all), 5, Math.min(...all));
  const plot = new Plot({
    title: 'Training',
    subtitle:
      'Root mean squared error after each epoch; the rows kept back are a tenth of the training trips',
    x: {
      label: 'Epoch',
      minimum: 1,
      maximum: Math.max(2, history.length),
      ticks: history.map(({ epoch }) => epoch),
    },
    y: {
      label: 'RMSE, minutes',
      minimum: ticks[0]!,
      maximum: ticks.at(-1)!,
      ticks,
      format: (tick) => tick.toFixed(1),
    },
    legend: [
      { name: 'rows learnt from', color: COLORS.other },
      { name: 'kept back, time not given', color: COLORS.withoutTime },
      { name: 'kept back, time given', color: COLORS.withTime },
    ],
  });
  const points = (value: (epoch: EpochFigures) => number) =>
    history.map((figures): [number, number] => [figures.epoch, value(figures)]);
  return plot
    .line(
      points((epoch) => epoch.training),
      COLORS.other,
      true,
    )
    .line(
      points((epoch) => epoch.holdoutWithoutTime),
      COLORS.withoutTime,
      true,
    )
    .line(
      points((epoch) => epoch.holdoutWithTime),
      COLORS.withTime,
      true,
    )
    .toSvg();
}
