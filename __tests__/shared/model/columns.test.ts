import { createColumnLayout } from '../../../shared/model/columns.js';
import { parseManifest } from '../../../shared/model/read-manifest.js';
import { createMinuteOfWeek } from '../../../shared/model/minute-of-week.js';

const manifest = {
  schema: 1,
  name: 'shapes',
  version: '1.0.0',
  title: 'Shapes',
  description: 'Every encoding once.',
  format: 'tfjs-layers',
  timezone: 'America/New_York',
  input: {
    type: 'object',
    properties: {
      size: { type: 'number' },
      count: { type: 'integer' },
      solid: { type: 'boolean' },
      colour: { type: 'string', enum: ['red', 'green'] },
      at: { type: 'string', format: 'iso-date-time' },
    },
    additionalProperties: false,
  },
  example: { size: 1 },
  columns: [
    { member: 'size', encoding: 'number', tensor: 'pair', default: -1 },
    { member: 'count', encoding: 'integer', tensor: 'pair', dtype: 'float32' },
    { member: 'solid', encoding: 'boolean', tensor: 'solid' },
    { member: 'colour', encoding: 'enum', tensor: 'colour', default: 9 },
    { member: 'at', encoding: 'minute_of_week', tensor: 'at' },
  ],
  outputs: [{ member: 'y', unit: 'one', tensor: 'out' }],
  figures: {},
};

it('lays columns that share a tensor side by side, row after row', () => {
  const layout = createColumnLayout(parseManifest(manifest, 'test'));
  expect(layout.tensors).toEqual([
    { name: 'pair', dtype: 'float32', width: 2 },
    { name: 'solid', dtype: 'bool', width: 1 },
    { name: 'colour', dtype: 'int32', width: 1 },
    { name: 'at', dtype: 'int32', width: 1 },
  ]);
  const batch = layout.allocate(2);
  layout.write(batch, 0, { size: 0.5, count: 3, solid: true, colour: 'green', at: '2021-02-01T00:00:00' });
  layout.write(batch, 1, {});
  expect(batch.arrays.map((array) => Array.from(array))).toEqual([
    [0.5, 3, -1, 0],
    [1, 0],
    [1, 9],
    [1441, 0],
  ]);
});

describe('minute of week', () => {
  const minute = createMinuteOfWeek('America/New_York');
  const sundayMidnight = 1;
  it('counts from Sunday 00:00 and starts at 1', () => {
    expect(minute('2021-01-31T00:00:00')).toBe(sundayMidnight);
    expect(minute('2021-02-06T23:59:59')).toBe(7 * 1440);
    expect(minute('2021-01-31 00:01')).toBe(2);
  });
  it('takes text without an offset as local time and converts text with one', () => {
    expect(minute('2021-01-31T05:00:00Z')).toBe(sundayMidnight);
    expect(minute('2021-01-31T06:30:00+01:30')).toBe(sundayMidnight);
    expect(minute('2021-01-30T21:00:00-08:00')).toBe(sundayMidnight);
  });
  it('follows daylight saving time', () => {
    expect(minute('2021-07-04T04:00:00Z')).toBe(sundayMidnight);
    expect(minute('2021-03-14T06:59:00Z')).toBe(1 + 119);
    expect(minute('2021-03-14T07:00:00Z')).toBe(1 + 180);
  });
  it('gives 0 for what is no date and time', () => {
    expect(minute('yesterday')).toBe(0);
  });
});

it('takes an output without a unit', () => {
  const outputs = [{ member: 'y', tensor: 'out' }];
  expect(parseManifest({ ...manifest, outputs }, 'test').outputs).toEqual(outputs);
});

describe('a wrong manifest', () => {
  const withProperty = (name: string, schema: object) => ({
    ...manifest.input,
    properties: { ...manifest.input.properties, [name]: schema },
  });
  const problemsOf = (changes: object): string => {
    try {
      parseManifest({ ...manifest, ...changes }, 'model/shapes/manifest.json');
    } catch (error) {
      return String(error);
    }
    throw new Error('accepted');
  };
  it.each([
    ['an unknown member', { colour: 1 }, '#/colour is not a known member'],
    ['another version of the format', { schema: 2 }, '#/schema must be 1'],
    ['a missing member', { outputs: undefined }, '#/outputs is required'],
    ['a bad name', { name: 'Shapes!' }, '#/name must match pattern'],
    [
      'a column of no property',
      { columns: [{ member: 'no', encoding: 'number', tensor: 't' }] },
      '#/columns/0/member "no"',
    ],
    [
      'an enum without values',
      { columns: [{ member: 'size', encoding: 'enum', tensor: 't' }] },
      '#/columns/0/encoding "enum"',
    ],
    [
      'a number of an array',
      { input: withProperty('size', { type: 'array', items: { type: 'number' } }) },
      '#/columns/0/encoding "number" needs #/input/properties/size/type to be number or integer; it is "array"',
    ],
    [
      'a number that may be null',
      { input: withProperty('size', { type: ['number', 'null'] }) },
      '#/columns/0/encoding "number" needs #/input/properties/size/type',
    ],
    ['a number of no type', { input: withProperty('size', {}) }, 'number or integer; it is missing'],
    [
      'an integer of a string',
      { input: withProperty('count', { type: 'string' }) },
      '#/columns/1/encoding "integer" needs #/input/properties/count/type to be integer; it is "string"',
    ],
    [
      'an integer of any number',
      { input: withProperty('count', { type: 'number' }) },
      '#/columns/1/encoding "integer"',
    ],
    [
      'a boolean of a number',
      { input: withProperty('solid', { type: 'number' }) },
      '#/columns/2/encoding "boolean" needs #/input/properties/solid/type to be boolean; it is "number"',
    ],
    [
      'an enum of objects',
      { input: withProperty('colour', { enum: [{ red: 1 }] }) },
      '#/columns/3/encoding "enum" takes no arrays and objects, which #/input/properties/colour/enum lists',
    ],
    [
      'a minute of a number',
      { input: withProperty('at', { type: 'integer' }) },
      '#/columns/4/encoding "minute_of_week" needs #/input/properties/at/type to be string; it is "integer"',
    ],
    [
      'a default that its member could not have',
      { input: withProperty('size', { type: 'number', minimum: 0 }) },
      '#/columns/0/default of "size" breaks #/input/properties/size: it must be >= 0',
    ],
    [
      'a default that its tensor cannot hold',
      { columns: [...manifest.columns.slice(0, 4), { ...manifest.columns[4], default: 0.5 }] },
      '#/columns/4/default of "at" is 0.5, which a tensor of int32 cannot hold',
    ],
    [
      'a column named as what every object has',
      { columns: [{ member: 'constructor', encoding: 'number', tensor: 't' }] },
      '#/columns/0/member "constructor" is not a property',
    ],
    ['no time zone', { timezone: 'Mars/Base' }, '#/timezone must be an IANA time zone'],
    [
      'two dtypes in one tensor',
      { columns: [manifest.columns[0], { member: 'count', encoding: 'integer', tensor: 'pair' }] },
      '#/columns/1/dtype differs',
    ],
    ['an example that is not valid', { example: { size: 'big' } }, '#/example/size must be number'],
    [
      'an unusable input schema',
      {
        input: { ...manifest.input, properties: { size: { type: 'nonsense' } } },
        columns: [manifest.columns[0]],
      },
      '#/input is not a usable JSON Schema',
    ],
  ])('is refused with its member: %s', (_, changes, message) => {
    expect(problemsOf(changes)).toContain(message);
    expect(problemsOf(changes)).toContain('model/shapes/manifest.json');
  });
});
