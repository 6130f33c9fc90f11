import { RowTexts } from '../../../scripts/batch/row-texts.js';
import { createInputWriter } from '../../../scripts/batch/input-mapping.js';
import { objectValues } from '../../../scripts/batch/input/source.js';

const model = {
  name: 'm',
  input: {
    type: 'object',
    properties: {
      n: { type: 'integer' },
      t: { type: 'string' },
      maybe: { type: ['number', 'null'] },
    },
    required: ['n'],
  },
};

interface Row {
  values: Record<string, unknown>;
  json?: string;
  unreadable?: string;
}

/** Writes one row, as a page of its own: an object where it has a text, else cells of columns. */
const writerFor = (columns: readonly string[], renamed: Record<string, string> = {}) => {
  const write = createInputWriter({ model, columns, renamed: new Map(Object.entries(renamed)) }, true);
  return ({ values, json: text, unreadable }: Row): string => {
    const bad = new Map(unreadable === undefined ? [] : [[0, unreadable]]);
    const rows = objectValues([values], bad);
    const decoded = text === undefined ? { column: rows.column, unreadable: bad } : rows;
    const texts = text === undefined ? {} : { texts: RowTexts.of([text]) };
    return write({ firstRow: 0, length: 1, share: 1, ...texts, values: () => decoded }, decoded)(0);
  };
};

const json = (values: Record<string, unknown>) => ({ values, json: JSON.stringify(values) });

describe('an input', () => {
  it('has the members of the model that the row has, under their names', () => {
    const write = writerFor(['a', 't', 'n', 'other'], { maybe: 'a' });
    expect(write({ values: { a: 1.5, t: 'x', n: 2, other: 9 } })).toBe('{"n":2,"t":"x","maybe":1.5}');
    expect(write(json({ n: 2, a: 1 }))).toBe('{"n":2,"maybe":1}');
  });

  it('has a member that only later rows of a file have', () => {
    expect(writerFor(['n'])(json({ n: 1, t: 'late', other: 2 }))).toBe('{"n":1,"t":"late"}');
  });

  it('prefers the column that is named to the one that has the name', () => {
    expect(writerFor(['n', 'k'], { n: 'k' })(json({ n: 1, k: 2 }))).toBe('{"n":2}');
  });

  it('leaves out what a row does not have', () => {
    const write = writerFor(['n', 't', 'maybe']);
    expect(write(json({ n: 1, t: '', maybe: null }))).toBe('{"n":1}');
    expect(write({ values: { n: undefined } })).toBe('{}');
  });

  it.each([
    ['130', '130'],
    ['-2.5e3', '-2.5e3'],
    ['007', '"007"'],
    ['0x10', '"0x10"'],
    ['1,5', '"1,5"'],
    [' 1', '" 1"'],
    ['NaN', '"NaN"'],
    [true, 'true'],
    [{ a: 1 }, '{"a":1}'],
  ])('reads a number from text where the model wants one: %j', (value, expected) => {
    const write = writerFor(['n', 't']);
    expect(write({ values: { n: value } })).toBe(`{"n":${expected}}`);
    expect(write(json({ n: value }))).toBe(`{"n":${expected}}`);
  });

  it('leaves text alone where the model wants text', () => {
    expect(writerFor(['n', 't'])({ values: { n: 1, t: '5' } })).toBe('{"n":1,"t":"5"}');
  });

  it('is the row itself where nothing has to change', () => {
    const text = '{ "t": "x", "n": 1e2 }';
    expect(writerFor(['n', 't'])({ values: { t: 'x', n: 100 }, json: text })).toBe(text);
  });

  it('is a row error in waiting where there is no row', () => {
    expect(writerFor(['n'])({ values: {}, json: '{', unreadable: 'is not JSON' })).toBe('null');
  });
});

describe('a mapping that does not fit', () => {
  it.each([
    [['n'], { k: 'n' }, '--map k=n: m takes n, t, maybe, not k'],
    [['n'], { t: 'text' }, '--map t=text: the file has no column text; it has n'],
    [['a', 'b'], {}, 'no column n, which m needs: name the right one with --map n=COLUMN; it has a, b'],
  ])('names the column: %j %j', (columns, renamed, message) => {
    expect(() => writerFor(columns, renamed)).toThrow(message);
  });
});
