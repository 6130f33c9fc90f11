import { membersOf, parseJson } from '../../../api/dashboard/form/schema.js';

it('knows how each member of an input is filled in', () => {
  const members = membersOf({
    properties: {
      zone: { type: 'integer', minimum: 1, maximum: 265, title: 'Zone' },
      distance: { type: 'number', minimum: 0 },
      open: { type: 'boolean' },
      season: { enum: ['winter', 'summer'] },
      at: { type: 'string', format: 'date-time' },
      local: { type: 'string', format: 'iso-date-time' },
      name: { type: 'string' },
      list: { type: 'array' },
    },
    required: ['zone'],
  });
  expect(members.map(({ name, kind }) => [name, kind])).toEqual([
    ['zone', 'integer'],
    ['distance', 'number'],
    ['open', 'boolean'],
    ['season', 'choice'],
    ['at', 'moment'],
    ['local', 'moment'],
    ['name', 'text'],
    ['list', 'json'],
  ]);
  expect(members[0]).toMatchObject({ title: 'Zone', isRequired: true, minimum: 1, maximum: 265 });
  expect(members[1]).toMatchObject({ title: 'distance', isRequired: false, minimum: 0, maximum: undefined });
  expect([members[4]?.isLocal, members[5]?.isLocal]).toEqual([false, true]);
});

it('asks for nothing where nothing is described', () => {
  expect(membersOf({ type: 'object' })).toEqual([]);
});

it('takes a text that has a shape for bytes, and counts the numbers of an array that has one', () => {
  const [picture, sound, name] = membersOf(
    { properties: { picture: { type: 'string' }, sound: { type: 'array' }, name: { type: 'string' } } },
    { picture: [28, 28, 1], sound: [2, 2] },
  );
  expect([picture?.kind, sound?.kind, name?.kind]).toEqual(['bytes', 'json', 'text']);
  expect(parseJson('[1, 2, 3, 4]', sound?.shape)).toEqual([1, 2, 3, 4]);
  expect(parseJson('[[1, 2], [3, 4]]', sound?.shape)).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(() => parseJson('[[1, 2], [3]]', sound?.shape)).toThrow('must have 4 numbers, and has 3');
  expect(() => parseJson('[1, 2', sound?.shape)).toThrow('is not written as JSON');
  expect(parseJson('{"a":1}', undefined)).toEqual({ a: 1 });
});
