import * as fc from 'fast-check';
import { LineBuffer } from '../../../api/batches/results/line-buffer.js';
import { rounded } from '../../../shared/model/row-reader.js';

const near = fc
  .tuple(fc.integer({ min: -3_000_000, max: 3_000_000 }), fc.integer({ min: 0, max: 8 }))
  .map(([n, decimals]) => (n + 0.5) / 10 ** decimals);
const value = fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), near).map(Math.fround);

it('writes numbers, texts and integers as JavaScript does', () => {
  const item = fc.tuple(
    value,
    fc.option(fc.integer({ min: 0, max: 15 }), { nil: undefined }),
    fc.string({ unit: 'binary' }),
    fc.oneof(fc.nat(), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),
  );
  fc.assert(
    fc.property(fc.array(item, { minLength: 1, maxLength: 9 }), (items) => {
      const lines = new LineBuffer(8);
      let expected = '';
      for (const [number, decimals, text, integer] of items) {
        lines.number(number, { decimals });
        lines.text(text);
        lines.integer(integer);
        lines.raw(Buffer.from('ü,'));
        expected += `${rounded(number, { decimals })}${text}${integer}ü,`;
      }
      expect(lines.written.equals(Buffer.from(expected))).toBe(true);
    }),
    { numRuns: 5_000 },
  );
});
