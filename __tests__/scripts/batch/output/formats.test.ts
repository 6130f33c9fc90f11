import { outputFormatFor } from '../../../../scripts/batch/output/open-format.js';
import { carriedNames } from '../../../../scripts/batch/output/output-format.js';
import { rowErrorText } from '../../../../shared/text/cells.js';

const error = {
  code: 'invalid_input',
  message: 'bad',
  errors: [{ pointer: '#/x', detail: 'is "odd", too' }],
};
const columns = { input: ['a', 'b'], outputs: ['y', 'z'] };
const result = { row: 0, y: 1.5, z: 2 };

describe('a table', () => {
  const format = outputFormatFor('out.csv', columns);

  it('names the columns of the input, the outputs, and the error', () => {
    expect(format.head).toBe('a,b,y,z,error\n');
  });

  it('has what the input had', () => {
    expect(format.carry({ values: { b: 'x,"y"\nz', a: 1 } })).toBe('1,"x,""y""\nz",');
    expect(format.carry({ values: { a: true, b: { c: [1] } } })).toBe('true,"{""c"":[1]}",');
    expect(format.carry({ values: { a: null } })).toBe(',,');
  });

  it('remembers what it has no place for', () => {
    const table = outputFormatFor('out.csv', columns);
    expect(table.carry({ values: { b: 2, late: 3 } })).toBe(',2,');
    expect([...table.leftOut]).toEqual(['late']);
  });

  it('has as many cells in every row', () => {
    expect(format.succeeded('1,2,', result)).toBe('1,2,1.5,2,\n');
    expect(format.failed('1,2,', error)).toBe('1,2,,,"invalid_input: #/x is ""odd"", too"\n');
  });
});

describe('lines of JSON', () => {
  const format = outputFormatFor('out.ndjson', columns);
  const lineOf = (carried: string): unknown => JSON.parse(format.succeeded(carried, result));

  it('keep the text of the input', () => {
    const json = '{"a": 1e2, "c": {"y": 1}}';
    expect(format.succeeded(format.carry({ values: { a: 100, c: { y: 1 } }, json }), result)).toBe(
      '{"a": 1e2, "c": {"y": 1},"y":1.5,"z":2}\n',
    );
  });

  it('are made of columns, too, and of nothing', () => {
    expect(lineOf(format.carry({ values: { a: 'x', b: undefined } }))).toEqual({ a: 'x', y: 1.5, z: 2 });
    expect(lineOf(format.carry({ values: {}, json: '{ }' }))).toEqual({ y: 1.5, z: 2 });
  });

  it('have the error instead of outputs', () => {
    expect(JSON.parse(format.failed(format.carry({ values: { a: 1 } }), error))).toEqual({ a: 1, error });
  });

  it('keep a line that was no row', () => {
    const carried = format.carry({ values: {}, json: '{"a', unreadable: 'is not JSON' });
    expect(JSON.parse(format.failed(carried, error))).toEqual({ line: '{"a', error });
  });

  it('take an input member out of the way, wherever it turns up', () => {
    const values = { y: 'actual', error: 0, a: 1 };
    const carried = format.carry({ values, json: JSON.stringify(values) });
    expect(lineOf(carried)).toEqual({ input_y: 'actual', input_error: 0, a: 1, y: 1.5, z: 2 });
  });
});

describe('names', () => {
  it('of the input give way to those of the model', () => {
    const names = carriedNames({ input: ['a', 'y', 'input_y', 'error'], outputs: ['y'] });
    expect(Object.fromEntries(names)).toEqual({
      a: 'a',
      y: 'input_input_y',
      input_y: 'input_y',
      error: 'input_error',
    });
  });

  it('of files decide on the format', () => {
    expect(outputFormatFor('OUT.CSV', columns).head).not.toBe('');
    expect(outputFormatFor('out.jsonl', columns).head).toBe('');
    expect(() => outputFormatFor('out.parquet', columns)).toThrow('.csv, .ndjson, .jsonl');
  });
});

it('an error in words names the rules, or else the message', () => {
  expect(rowErrorText(error)).toBe('invalid_input: #/x is "odd", too');
  expect(rowErrorText({ code: 'timeout', message: 'too slow' })).toBe('timeout: too slow');
});
