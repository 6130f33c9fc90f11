import { backoffMs } from '../../shared/process/backoff.js';

const bounds = { firstMs: 100, mostMs: 1_000 };
const longest = (failures: number): number => backoffMs(failures, bounds, () => 0);

it('doubles with every failure up to the bound', () => {
  expect([1, 2, 3, 4, 5, 100].map(longest)).toEqual([100, 200, 400, 800, 1_000, 1_000]);
});

it('leaves up to half of the pause to chance', () => {
  expect(backoffMs(2, bounds, () => 0.999_999)).toBeCloseTo(100, 1);
  expect(backoffMs(2, bounds, () => 0.5)).toBe(150);
});
