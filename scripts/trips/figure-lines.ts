import type { Evaluation } from './evaluation.js';
import type { Errors } from './metrics.js';

/** An evaluation as a small table for a terminal. */
export function figureLines({ rows, withoutTime, withTime }: Evaluation): string[] {
  const line = (name: string, { rmse, mae, bias }: Errors): string =>
    name.padEnd(24) + [rmse, mae, bias].map((value) => value.toFixed(4).padStart(10)).join('');
  return [
    `${`${rows.toLocaleString('en-US')} trips, minutes`.padEnd(24)}${['RMSE', 'MAE', 'bias'].map((name) => name.padStart(10)).join('')}`,
    line('pickup time not given', withoutTime.errors),
    line('pickup time given', withTime.errors),
  ];
}
