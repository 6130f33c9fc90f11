import { type Axis, COUNTS, DURATIONS, RATES } from '../../../api/dashboard/charts/axis.js';

/** As the chart does it: from zero, in the smallest step that gives at most five values. */
function axisTo(top: number, { steps, labels }: Axis): string[] {
  const step = steps.find((candidate) => top / candidate < 5) ?? Number.NaN;
  return labels(Array.from({ length: Math.floor(top / step) + 1 }, (_, i) => i * step));
}

it.each([
  [0.0019, ['0', '0.0005', '0.0010', '0.0015']],
  [0.02, ['0', '0.005', '0.010', '0.015', '0.020']],
  [0.5, ['0', '0.2', '0.4']],
  [1.12, ['0', '0.5', '1.0']],
  [89, ['0', '20', '40', '60', '80']],
  [21_000, ['0', '5,000', '10,000', '15,000', '20,000']],
  [2_400_000, ['0', '0.5M', '1.0M', '1.5M', '2.0M']],
])('divides an axis of rates up to %s', (top, texts) => expect(axisTo(top, RATES)).toEqual(texts));

it.each([
  [1, ['0', '1']],
  [3, ['0', '1', '2', '3']],
  [112_000, ['0', '50,000', '100,000']],
])('divides an axis of counts up to %s', (top, texts) => expect(axisTo(top, COUNTS)).toEqual(texts));

it.each([
  [0.35, ['0', '0.1 ms', '0.2 ms', '0.3 ms']],
  [86, ['0', '20 ms', '40 ms', '60 ms', '80 ms']],
  [1_900, ['0', '0.5 s', '1.0 s', '1.5 s']],
  [80_000, ['0', '30 s', '60 s']],
  [150_000, ['0', '1 min', '2 min']],
  [7_000_000, ['0', '30 min', '60 min', '90 min']],
  [80_000_000, ['0', '6 h', '12 h', '18 h']],
])('divides an axis of lengths of time up to %s ms', (top, texts) =>
  expect(axisTo(top, DURATIONS)).toEqual(texts),
);

it('never writes two values of one axis alike', () => {
  for (const axis of [RATES, COUNTS, DURATIONS]) {
    for (let top = axis === COUNTS ? 1 : 0.01; top < 1e10; top *= 1.7) {
      const texts = axisTo(top, axis);
      expect(texts.length).toBeGreaterThan(1);
      expect(new Set(texts).size).toBe(texts.length);
    }
  }
});
