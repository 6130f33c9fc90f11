import * as fc from 'fast-check';
import { rounded } from '../../../shared/model/row-reader.js';

it('rounds as toFixed does, to the last bit', () => {
  const near = fc
    .tuple(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.integer({ min: 0, max: 15 }))
    .map(([n, decimals]) => (n + 0.5) / 10 ** decimals);
  const value = fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), near).map(Math.fround);
  fc.assert(
    fc.property(value, fc.integer({ min: 0, max: 15 }), (number, decimals) => {
      expect(rounded(number, { decimals })).toBe(Number(number.toFixed(decimals)));
    }),
    { numRuns: 20_000 },
  );
});
