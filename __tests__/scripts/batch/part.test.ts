import type { Source, SourceRow } from '../../../scripts/batch/input/source.js';
import { type Part, type PartOptions, partsOf } from '../../../scripts/batch/part.js';
import { RowTexts } from '../../../scripts/batch/row-texts.js';

/** Rows `from`..`to` in pages of seven. */
const sourceOf = (rows: readonly SourceRow[]): Source => ({
  columns: ['a'],
  async *pages(fromRow) {
    for (let at = fromRow; at < rows.length; at += 7) {
      yield { rows: rows.slice(at, at + 7), share: Math.min(1, (at + 7) / rows.length) };
    }
  },
});

const rows = (count: number): SourceRow[] => Array.from({ length: count }, (_, a) => ({ values: { a } }));

const options = (changes: Partial<PartOptions> = {}): PartOptions => ({
  toInput: ({ values }) => JSON.stringify(values),
  carry: ({ values }) => `${String(values['a'])},`,
  actualOf: undefined,
  rowsPerPart: 10,
  onRead: () => undefined,
  ...changes,
});

async function all(parts: AsyncIterable<Part>): Promise<Part[]> {
  const read: Part[] = [];
  for await (const part of parts) read.push(part);
  return read;
}

const textsOf = (texts: RowTexts): string[] =>
  Array.from({ length: texts.length }, (_, row) => texts.at(row));

describe('parts', () => {
  it('hold every row once, in order', async () => {
    const parts = await all(partsOf(sourceOf(rows(25)), 0, options()));
    expect(parts.map(({ firstRow, inputs }) => [firstRow, inputs.length])).toEqual([
      [0, 10],
      [10, 10],
      [20, 5],
    ]);
    expect(parts.flatMap(({ inputs }) => textsOf(inputs))).toEqual(
      rows(25).map(({ values }) => JSON.stringify(values)),
    );
    expect(textsOf(parts[2]?.carried ?? new RowTexts())).toEqual(['20,', '21,', '22,', '23,', '24,']);
  });

  it('are the same when a run is taken up at one of them', async () => {
    const source = sourceOf(rows(25));
    const whole = await all(partsOf(source, 0, options()));
    expect(await all(partsOf(source, 10, options()))).toEqual(whole.slice(1));
  });

  it('are none for a file without rows, and none too many for one that fills them', async () => {
    expect(await all(partsOf(sourceOf([]), 0, options()))).toEqual([]);
    expect(await all(partsOf(sourceOf(rows(20)), 0, options()))).toHaveLength(2);
  });

  it('are shorter when their rows are long', async () => {
    const long = 'x'.repeat(12_000_000);
    const parts = await all(partsOf(sourceOf(rows(4)), 0, options({ carry: () => long })));
    expect(parts.map(({ firstRow }) => firstRow)).toEqual([0, 3]);
  });

  it('tell how far the file is read', async () => {
    const read: [number, number][] = [];
    await all(partsOf(sourceOf(rows(14)), 0, options({ onRead: (...seen) => read.push(seen) })));
    expect(read.at(-1)).toEqual([14, 1]);
    expect(read.at(0)).toEqual([7, 0.5]);
  });

  it('have a stand-in for a row that cannot be sent, and say why', async () => {
    const bad: SourceRow[] = [
      { values: {}, unreadable: 'is not JSON' },
      { values: { a: 'x'.repeat(70_000) } },
    ];
    const [part] = await all(partsOf(sourceOf(bad), 0, options()));
    expect(textsOf(part?.inputs ?? new RowTexts())).toEqual(['null', 'null']);
    expect([...(part?.problems ?? [])]).toEqual([
      [0, { code: 'invalid_input', message: 'the row is not JSON' }],
      [1, { code: 'invalid_input', message: 'the row is longer than 65536 characters' }],
    ]);
  });

  it('know what happened, where the row says', async () => {
    const actualOf: PartOptions['actualOf'] = ({ a }) => (a === 1 ? undefined : 5);
    const [part] = await all(partsOf(sourceOf(rows(3)), 0, options({ actualOf })));
    expect(part?.actual?.slice(0, 3)).toEqual(Float64Array.of(5, Number.NaN, 5));
  });
});

it.each([0, 1, 999, 1_000, 1_001, 2_500])('%i texts come back as they were', (count) => {
  const made = Array.from({ length: count }, (_, row) => (row % 3 === 0 ? '' : `ü${row}`));
  const texts = new RowTexts();
  for (const text of made) texts.add(text);
  expect(textsOf(texts)).toEqual(made);
  expect([...texts.blocks()].join('')).toBe(made.map((text) => `${text}\n`).join(''));
});
