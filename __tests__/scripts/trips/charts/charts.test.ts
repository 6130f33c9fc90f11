import { Plot } from '../../../../scripts/lib/plot.js';
import { roundTicks } from '../../../../scripts/lib/plot.js';

describe('roundTicks', () => {
  it.each([
    [9.1, 5, 0, [0, 2, 4, 6, 8, 10]],
    [6.13, 5, 4.54, [4.5, 5, 5.5, 6, 6.5]],
    [0.9, 3, 0, [0, 0.5, 1]],
  ])('reaches %d in about %d steps from %d', (maximum, count, minimum, expected) => {
    expect(roundTicks(maximum, count, minimum)).toEqual(expected);
  });
});

describe('Plot', () => {
  const plot = new Plot({
    title: 'a < b & c',
    subtitle: '',
    x: { label: 'x', minimum: 0, maximum: 10, ticks: [0, 10] },
    y: { label: 'y', minimum: 0, maximum: 1, ticks: [0, 1], format: (tick) => `${tick * 100}%` },
  });

  it('places values between the ends of its axes', () => {
    expect(plot.x(5)).toBe((plot.x(0) + plot.x(10)) / 2);
    expect(plot.y(1)).toBeLessThan(plot.y(0));
  });

  it('writes texts so that they cannot break the picture', () => {
    const svg = plot
      .line(
        [
          [0, 0],
          [10, 1],
        ],
        '#000000',
        true,
      )
      .toSvg();
    expect(svg).toContain('a &lt; b &amp; c');
    expect(svg).toContain('100%');
    expect(svg.match(/<circle/g)).toHaveLength(2);
  });
});
