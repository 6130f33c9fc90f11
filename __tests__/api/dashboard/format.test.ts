import {
  formatAgo,
  formatCount,
  formatMs,
  formatRate,
  formatSeconds,
  formatValue,
} from '../../../api/dashboard/format.js';

it.each([
  [0.234, '0.23 ms'],
  [3.24, '3.2 ms'],
  [512.4, '512 ms'],
  [999.7, '1.0 s'],
  [12_345, '12 s'],
  [59_990, '1 min'],
  [250_000, '4 min 10 s'],
  [7_500_000, '2 h 5 min'],
  [200_000_000, '2 d 7 h'],
])('writes %s ms as %s', (ms, text) => {
  expect(formatMs(ms)).toBe(text);
});

it('writes counts and rates as short as they may be', () => {
  expect([0, 999, 12_345, 1_234_567].map(formatCount)).toEqual(['0', '999', '12,345', '1.2M']);
  expect([0, 0.001_66, 0.0999, 0.5, 44.12, 1234.5].map(formatRate)).toEqual([
    '0',
    '0.0017',
    '0.1',
    '0.50',
    '44.1',
    '1,235',
  ]);
});

it('writes how long ago something was, without a future', () => {
  const now = Date.parse('2026-01-01T12:00:00Z');
  expect(formatAgo('2026-01-01T12:00:01Z', now)).toBe('just now');
  expect(formatAgo('2026-01-01T11:59:40Z', now)).toBe('20 s ago');
  expect(formatSeconds(90_000)).toBe('1 min 30 s');
});

it.each([
  [12.345_678_9, '12.345679'],
  ['cat', 'cat'],
  ['A'.repeat(5_464), 'AAAAAAAAAAAAAAAAAAAAAAAA… (5,464 characters)'],
  [[0.1, 1 / 3], '[0.1, 0.333333]'],
  [Array.from({ length: 1_024 }, (_, i) => i), '1,024 numbers: 0, 1, 2, …'],
  [Array.from({ length: 17 }, () => [0.5, 0.25]), '17 × 2 numbers: 0.5, 0.25, 0.5, …'],
  [
    [
      { label: 'cat', score: 0.75 },
      { label: 'dog', score: 0.25 },
    ],
    'cat (0.75)',
  ],
  [{ a: 1 }, '{"a":1}'],
  [[], '[]'],
])('writes the value %j in a line', (value, text) => {
  expect(formatValue(value)).toBe(text);
});
