import { RowTexts } from '../../../../scripts/batch/row-texts.js';
import { objectValues, type SourcePage } from '../../../../scripts/batch/input/source.js';
import { csvOutput } from '../../../../scripts/batch/output/csv-output.js';
import { ndjsonOutput } from '../../../../scripts/batch/output/ndjson-output.js';
import { outputFormatOf } from '../../../../scripts/batch/output/open-output.js';
import {
  carriedNames,
  type OutputColumns,
  type TextFormat,
} from '../../../../scripts/batch/output/output-format.js';
import { rowErrorText } from '../../../../shared/text/cells.js';

const error = {
  code: 'invalid_input',
  message: 'bad',
  errors: [{ pointer: '#/x', detail: 'is "odd", too' }],
};
type TextSource = 'csv' | 'ndjson' | undefined;
const columns = (textFormat?: TextSource): OutputColumns => ({
  source: { columns: ['a', 'b'], kinds: new Map(), ...(textFormat && { textFormat }) },
  outputs: ['y', 'z'],
});
const result = { row: 0, y: 1.5, z: 2 };

interface Row {
  values: Record<string, unknown>;
  text?: string;
  unreadable?: string;
  /** Without objects. */
  isCells?: true;
}

/** A page of one row. */
function pageOf({ values, text, unreadable, isCells }: Row): SourcePage {
  const { objects, ...cells } = objectValues(
    [values],
    new Map(unreadable === undefined ? [] : [[0, unreadable]]),
  );
  const decoded = isCells ? cells : { ...cells, objects: objects ?? [] };
  return {
    firstRow: 0,
    length: 1,
    share: 1,
    ...(text === undefined ? {} : { texts: RowTexts.of([text]) }),
    values: () => decoded,
  };
}

const succeeded = (format: TextFormat, row: Row): string => format.lines(pageOf(row))(0, result, undefined);
const failed = (format: TextFormat, row: Row): string => format.lines(pageOf(row))(0, { row: 0 }, error);

describe('a table', () => {
  const format = csvOutput(columns());

  it('names the columns of the input, the outputs, and the error', () => {
    expect(format.head).toBe('a,b,y,z,error\n');
  });

  it.each([
    [{ b: 'x,"y"\nz', a: 1 }, '1,"x,""y""\nz",1.5,2,\n'],
    [{ a: true, b: { c: [1] } }, 'true,"{""c"":[1]}",1.5,2,\n'],
    [{ a: null }, ',,1.5,2,\n'],
  ])('has what the input had: %j', (values, line) => {
    expect(succeeded(format, { values })).toBe(line);
  });

  it('remembers what it has no place for', () => {
    const table = csvOutput(columns());
    expect(succeeded(table, { values: { b: 2, late: 3 } })).toBe(',2,1.5,2,\n');
    expect([...table.leftOut]).toEqual(['late']);
  });

  it('keeps the text of a record, and has as many cells in every row', () => {
    const table = csvOutput(columns('csv'));
    const row = { values: { a: '1', b: '2' }, text: '1,"2"', isCells: true } as const;
    expect(succeeded(table, row)).toBe('1,"2",1.5,2,\n');
    expect(failed(table, { ...row, text: '1,2,3' })).toBe('1,2,,,"invalid_input: #/x is ""odd"", too"\n');
  });
});

describe('lines of JSON', () => {
  const format = ndjsonOutput(columns('ndjson'));
  const lineOf = (row: Row): unknown => JSON.parse(succeeded(format, row));

  it('keep the text of the input, with a result and without', () => {
    const row = { values: { a: 100, c: { x: 1 } }, text: '{"a": 1e2, "c": {"x": 1}}' };
    expect(succeeded(format, row)).toBe('{"a": 1e2, "c": {"x": 1},"y":1.5,"z":2}\n');
    expect(failed(format, row)).toBe(`{"a": 1e2, "c": {"x": 1},"error":${JSON.stringify(error)}}\n`);
  });

  it('keep a member that has the name of an output further in', () => {
    const text = '{"a": 1e2, "c": {"y": 1}}';
    expect(succeeded(format, { values: JSON.parse(text) as Row['values'], text })).toBe(
      '{"a": 1e2, "c": {"y": 1},"y":1.5,"z":2}\n',
    );
  });

  it('are made of columns, too, and of nothing', () => {
    const made = ndjsonOutput(columns());
    const row = { values: { a: 'x', b: undefined }, isCells: true } as const;
    expect(JSON.parse(succeeded(made, row))).toEqual({ a: 'x', y: 1.5, z: 2 });
    expect(lineOf({ values: {}, text: '{ }' })).toEqual({ y: 1.5, z: 2 });
  });

  it('keep a line that was no row', () => {
    const line = failed(format, { values: {}, text: '{"a', unreadable: 'is not JSON' });
    expect(JSON.parse(line)).toEqual({ line: '{"a', error });
  });

  it.each(['{"y":"actual","error":0,"a":1}', '{"\\u0079":"actual","err\\u006fr":0,"a":1}'])(
    'take an input member out of the way, however it is written: %s',
    (text) => {
      const values = JSON.parse(text) as Row['values'];
      expect(lineOf({ values, text })).toEqual({ input_y: 'actual', input_error: 0, a: 1, y: 1.5, z: 2 });
    },
  );
});

describe('names', () => {
  it('of the input give way to those of the model', () => {
    const names = carriedNames({
      source: { columns: ['a', 'y', 'input_y', 'error'], kinds: new Map() },
      outputs: ['y'],
    });
    expect(Object.fromEntries(names)).toEqual({
      a: 'a',
      y: 'input_input_y',
      input_y: 'input_y',
      error: 'input_error',
    });
  });

  it('of files decide on the format', () => {
    expect(outputFormatOf('OUT.CSV')).toBe('csv');
    expect(outputFormatOf('out.jsonl')).toBe('ndjson');
    expect(() => outputFormatOf('out.xlsx')).toThrow('.csv, .ndjson, .jsonl, .parquet');
  });
});

it('an error in words names the rules, or else the message', () => {
  expect(rowErrorText(error)).toBe('invalid_input: #/x is "odd", too');
  expect(rowErrorText({ code: 'timeout', message: 'too slow' })).toBe('timeout: too slow');
});
