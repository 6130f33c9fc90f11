import { MINUTES_PER_WEEK } from '../../../shared/model/minute-of-week.js';

/** Numbers a time of the week becomes. */
export const TIME_WIDTH = 11;

/**
 * Table by `minute_of_week` (0 = unknown, a row of zeros): whether it is known, the hour of the day as three
 * harmonics, the hour of the week as one, and whether it is a weekend or a Sunday.
 */
export function timeTable(): Float32Array {
  const table = new Float32Array((MINUTES_PER_WEEK + 1) * TIME_WIDTH);
  for (let minute = 0; minute < MINUTES_PER_WEEK; minute++) {
    const weekday = Math.floor(minute / 1440);
    const day = (2 * Math.PI * (minute % 1440)) / 1440;
    const week = (2 * Math.PI * minute) / MINUTES_PER_WEEK;
    const harmonics = [1, 2, 3].flatMap((k) => [Math.sin(k * day), Math.cos(k * day)]);
    const weekend = weekday === 0 || weekday === 6 ? 1 : 0;
    const row = [1, ...harmonics, Math.sin(week), Math.cos(week), weekend, weekday === 0 ? 1 : 0];
    table.set(row, (minute + 1) * TIME_WIDTH);
  }
  return table;
}
