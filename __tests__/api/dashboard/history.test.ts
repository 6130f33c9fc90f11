import { History } from '../../../api/dashboard/charts/history.js';
import type { StatsBody } from '../../../shared/contract/stats.js';

const FIGURES = {
  waiting: 0,
  chunks_waiting: 0,
  per_second: { submitted: 0, ended: 0, rows: 0 },
  last_day: { submitted: 0, succeeded: 0, failed: 0, canceled: 0, expired: 0, rows: 0 },
};

/** Figures at a time of day, with jobs submitted in these minutes of the hour. */
const statsAt = (time: string, submitted: Record<string, number>, step = 60): StatsBody => ({
  ...FIGURES,
  at: `2026-01-01T${time}.000Z`,
  running: 0,
  window_s: 60,
  models: [],
  workers: [],
  history: {
    step_s: step,
    points: Object.entries(submitted).map(([minute, count]) => ({
      at: `2026-01-01T12:${minute}:00.000Z`,
      submitted: count,
      succeeded: 0,
      failed: 0,
      canceled: 0,
      expired: 0,
      rows: 0,
    })),
  },
});

const seen = (history: History) =>
  history
    .stretches()
    .map(({ atS, seconds, point }) => [
      new Date(atS * 1000).toISOString().slice(14, 16),
      seconds,
      point?.submitted,
    ]);

it('has every minute of its range, the last one as long as it has been', () => {
  expect(seen(new History(statsAt('12:05:20', { '03': 7, '05': 2 }), 4))).toEqual([
    ['02', 60, undefined],
    ['03', 60, 7],
    ['04', 60, undefined],
    ['05', 20, 2],
  ]);
});

it('takes over the latest minutes and moves on', () => {
  const history = new History(statsAt('12:05:20', { '03': 7, '05': 2 }), 3);
  history.merge(statsAt('12:06:05', { '05': 9, '06': 1 }));
  expect(seen(history)).toEqual([
    ['04', 60, undefined],
    ['05', 60, 9],
    ['06', 5, 1],
  ]);
});

it('goes in the steps that it came in', () => {
  expect(seen(new History(statsAt('12:21:00', { '10': 5 }, 600), 30))).toEqual([
    ['00', 600, undefined],
    ['10', 600, 5],
    ['20', 60, undefined],
  ]);
});
