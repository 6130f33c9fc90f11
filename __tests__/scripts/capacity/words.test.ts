import { duration, megabytes, roundedUp } from '../../../scripts/capacity/words.js';

it.each([
  [86_400_000, '24 h'],
  [172_800_000, '2 d'],
  [5_400_000, '1.5 h'],
  [1_140_000, '19 min'],
  [2_500, '2.5 s'],
  [20, '20 ms'],
])('reads %s ms as %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

it('reads memory in MB and GB', () => {
  expect([megabytes(0), megabytes(12.345), megabytes(999), megabytes(69_120)]).toEqual([
    '0 MB',
    '12.3 MB',
    '999 MB',
    '69.1 GB',
  ]);
});

it('rounds up to two digits', () => {
  expect([roundedUp(69_180), roundedUp(1_000), roundedUp(7), roundedUp(101)]).toEqual([
    70_000, 1_000, 7, 110,
  ]);
});
