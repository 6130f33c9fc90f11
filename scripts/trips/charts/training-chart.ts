import type { EpochFigures } from '../neural/train-network.js';
import { COLORS, Plot, roundTicks } from '../../lib/plot.js';

const LINES = [
  { name: 'rows learnt from', color: COLORS.other, figure: 'training' },
  { name: 'kept back, time not given', color: COLORS.withoutTime, figure: 'holdoutWithoutTime' },
  { name: 'kept back, time given', color: COLORS.withTime, figure: 'holdoutWithTime' },
] as const;

/** Errors after each epoch. */
export function trainingCurve(history: readonly EpochFigures[]): string {
  const all = history.flatMap((epoch) => LINES.map(({ figure }) => epoch[figure]));
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
    legend: LINES,
  });
  for (const { color, figure } of LINES) {
    plot.line(
      history.map((epoch) => [epoch.epoch, epoch[figure]] as const),
      color,
      true,
    );
  }
  return plot.toSvg();
}
