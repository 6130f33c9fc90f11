import { rfc3339 } from '../../../api/http/rfc3339.js';

it('writes what Date writes, whatever was written before', () => {
  const base = Date.UTC(2026, 1, 28, 23, 59, 59);
  // Seconds 64 apart share a place in what is kept.
  const moments = [0, 0.999, 1, 999.999, 1_000, 64_000, 0, 128_000.5, 86_400_000].map((ms) => base + ms);
  for (const moment of [...moments, 0, 1, 1_764_187_890_123.456]) {
    expect(rfc3339(moment)).toBe(new Date(moment).toISOString());
  }
});

it('leaves to Date what lies before 1970, and what is no time', () => {
  expect(rfc3339(-1_500)).toBe('1969-12-31T23:59:58.500Z');
  expect(() => rfc3339(Number.NaN)).toThrow(RangeError);
});
