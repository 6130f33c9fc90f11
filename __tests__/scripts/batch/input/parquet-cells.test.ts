import type { SchemaElement } from 'hyparquet';
import { cellReaders } from '../../../../scripts/batch/input/parquet-cells.js';

const root = (children: number): SchemaElement => ({ name: 'schema', num_children: children });
const column = (element: Partial<SchemaElement>): SchemaElement => ({ name: 'x', type: 'INT64', ...element });
const read = (element: Partial<SchemaElement>, value: unknown): unknown =>
  cellReaders([root(1), column(element)]).get('x')?.(value);

const time = new Date('2021-02-01T08:15:00.000Z');
const timestamp = (isAdjustedToUTC: boolean): Partial<SchemaElement> => ({
  logical_type: { type: 'TIMESTAMP', isAdjustedToUTC, unit: 'MICROS' },
});

it.each([
  ['a time on a local clock', timestamp(false), time, '2021-02-01T08:15:00'],
  ['a time in UTC', timestamp(true), time, '2021-02-01T08:15:00Z'],
  ['a part of a second', timestamp(false), new Date('2021-02-01T08:15:00.250Z'), '2021-02-01T08:15:00.250'],
  ['an old time stamp', { converted_type: 'TIMESTAMP_MICROS' }, time, '2021-02-01T08:15:00Z'],
  ['a time that is none', timestamp(true), new Date(Number.NaN), undefined],
  ['a day', { logical_type: { type: 'DATE' } }, time, '2021-02-01'],
  ['a whole number', {}, 5n, 5],
  ['a whole number too large for a double', {}, 2n ** 60n, '1152921504606846976'],
  ['no number', {}, Number.NaN, undefined],
  ['text', {}, '130', '130'],
  ['nothing', {}, null, undefined],
  ['bytes', {}, Uint8Array.of(1, 2), [1, 2]],
] as const)('reads %s', (_, element, value, expected) => {
  expect(read(element, value)).toEqual(expected);
});

it('takes a nested column as one', () => {
  const schema: SchemaElement[] = [
    root(2),
    { name: 'list', num_children: 1 },
    { name: 'inner', num_children: 1 },
    { name: 'element', type: 'INT64' },
    column({ name: 'after' }),
  ];
  const readers = cellReaders(schema);
  expect([...readers.keys()]).toEqual(['list', 'after']);
  expect(readers.get('list')?.([1n, 2n])).toEqual([1, 2]);
});
