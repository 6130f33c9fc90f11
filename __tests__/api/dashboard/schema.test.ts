import { membersOf } from '../../../api/dashboard/form/schema.js';

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
