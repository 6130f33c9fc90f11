import { objectValues, type Source } from '../../../scripts/batch/input/source.js';
import { type Part, type PartOptions, partsOf } from '../../../scripts/batch/part.js';
import { RowTexts } from '../../../scripts/batch/row-texts.js';

interface Row {
  a?: number;
  text?: string;
  unreadable?: string;
}

/** Rows in pages of seven. */
const sourceOf = (rows: readonly Row[]): Source => ({
  columns: ['a'],
  kinds: new Map(),
  async *pages() {
    for (let at = 0; at < rows.length; at += 7) {
      const some = rows.slice(at, at + 7);
      const bad = some.flatMap(({ unreadable }, row) =>
        unreadable === undefined ? [] : [[row, unreadable] as const],
      );
      yield {
        firstRow: at,
        length: some.length,
        share: Math.min(1, (at + 7) / rows.length),
        texts: RowTexts.of(some.map(({ text = '' }) => text)),
        values: () =>
          objectValues(
            some.map(({ a }) => ({ a })),
            new Map(bad),
          ),
      };
    }
  },
});

const rows = (count: number): Row[] => Array.from({ length: count }, (_, a) => ({ a }));

/** Inputs are objects of the column `a`, of `longInput` characters more. */
const options = (changes: Partial<PartOptions> = {}, longInput = 0): PartOptions => ({
  toInput: Object.assign(
    (_: unknown, { column }: Parameters<PartOptions['toInput']>[1]) =>
      (row: number) =>
        JSON.stringify({ a: column('a')(row) }) + ' '.repeat(longInput),
    { columns: ['a'] },
  ),
  actualOf: undefined,
  wanted: undefined,
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
      rows(25).map(({ a }) => JSON.stringify({ a })),
    );
    expect(parts.map(({ pages }) => pages.map(({ firstRow }) => firstRow))).toEqual([
      [0, 7],
      [7, 14],
      [14, 21],
    ]);
  });

  it('are the same when a run is taken up at one of them', async () => {
    const source = sourceOf(rows(25));
    const whole = await all(partsOf(source, 0, options()));
    const again = await all(partsOf(source, 10, options()));
    const sent = (parts: readonly Part[]) => parts.map(({ firstRow, inputs }) => [firstRow, textsOf(inputs)]);
    expect(sent(again)).toEqual(sent(whole.slice(1)));
  });

  it('are none for a file without rows, and none too many for one that fills them', async () => {
    expect(await all(partsOf(sourceOf([]), 0, options()))).toEqual([]);
    expect(await all(partsOf(sourceOf(rows(20)), 0, options()))).toHaveLength(2);
  });

  it('are shorter when their rows are long', async () => {
    const long = rows(4).map(({ a = 0 }) => ({ a, text: 'x'.repeat(12_000_000) }));
    const parts = await all(partsOf(sourceOf(long), 0, options()));
    expect(parts.map(({ firstRow }) => firstRow)).toEqual([0, 3]);
  });

  it('tell how far the file is read', async () => {
    const read: [number, number][] = [];
    await all(partsOf(sourceOf(rows(14)), 0, options({ onRead: (...seen) => read.push(seen) })));
    expect(read.at(-1)).toEqual([14, 1]);
    expect(read.at(0)).toEqual([7, 0.5]);
  });

  it('have a stand-in for a row that cannot be sent, and say why', async () => {
    const bad = [{ unreadable: 'is not JSON' }, { a: 1 }];
    const [part] = await all(partsOf(sourceOf(bad), 0, options({}, 70_000)));
    expect(textsOf(part?.inputs ?? new RowTexts())).toEqual(['null', 'null']);
    expect([...(part?.problems ?? [])]).toEqual([
      [0, { code: 'invalid_input', message: 'the row is not JSON' }],
      [1, { code: 'invalid_input', message: 'the row is longer than 65536 characters' }],
    ]);
  });

  it('know what happened, where the row says', async () => {
    const actualOf = Object.assign(() => (row: number) => (row === 1 ? undefined : 5), { columns: ['a'] });
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
