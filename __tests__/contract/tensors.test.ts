import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeChunk } from '../../shared/batches/chunk-codec.js';
import { ChunkLeases } from '../../shared/batches/chunk-leases.js';
import { TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { modelsFolder } from '../support/rigs/models-folder.js';

const PICTURE_BYTES = 128 * 128 * 3;

/** A folder with a model of three members that fill tensors; the API reads no more of it than the manifest. */
function folderWithTensors(): string {
  const dir = modelsFolder();
  const manifest = {
    schema: 1,
    name: 'shapes',
    version: '1.0.0',
    title: 'Shapes',
    description: 'Numbers in arrays, and bytes.',
    format: 'tfjs-graph',
    input: {
      type: 'object',
      properties: { grid: { type: 'array' }, ids: { type: 'array' }, picture: { type: 'string' } },
      required: ['grid'],
      additionalProperties: false,
    },
    example: { grid: [1, 2, 3, 4, 5, 6] },
    columns: [
      { member: 'grid', encoding: 'array', tensor: 'grid', shape: [2, 3] },
      { member: 'ids', encoding: 'array', tensor: 'ids', shape: [2], dtype: 'int32' },
      { member: 'picture', encoding: 'base64', tensor: 'picture', shape: [128, 128, 3] },
    ],
    outputs: [
      { member: 'kind', tensor: 'kind', labels: ['a', 'b'] },
      { member: 'kinds', tensor: 'kind', labels: ['a', 'b'], top: 1 },
      { member: 'map', tensor: 'map', shape: [2, 1], decimals: 1, unit: 'metres' },
    ],
    figures: {},
  };
  mkdirSync(join(dir, 'shapes'));
  writeFileSync(join(dir, 'shapes', 'manifest.json'), JSON.stringify(manifest));
  return dir;
}

const api = useApiRig({ env: { MODELS_DIR: folderWithTensors() } });

const GRID = [1, 2, 3, 4, 5, 6.5];
const submit = (input: object) => api.submit({ model: 'shapes', input });
const errorsOf = (body: unknown): unknown => (body as { errors: unknown }).errors;

it.each([
  ['flat', { grid: GRID, ids: [1, -2] }],
  ['nested', { grid: [GRID.slice(0, 3), GRID.slice(3)] }],
  [
    'as bytes, in a body above the limit of other models',
    { grid: GRID, picture: Buffer.alloc(PICTURE_BYTES).toString('base64') },
  ],
])('a tensor may be given %s', async (_, input) => {
  expect((await submit(input)).status).toBe(202);
});

it.each([
  [
    'too few numbers',
    { grid: [1, 2] },
    '#/input/grid',
    'must be an array of 6 numbers, flat or in arrays of the shape [2, 3]',
  ],
  [
    'arrays of another shape',
    {
      grid: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    },
    '#/input/grid',
    'must be an array of 6 numbers, flat or in arrays of the shape [2, 3]',
  ],
  [
    'texts',
    { grid: ['1', 2, 3, 4, 5, 6] },
    '#/input/grid',
    'must be an array of 6 numbers, flat or in arrays of the shape [2, 3]',
  ],
  ['no array', { grid: 7 }, '#/input/grid', 'must be array'],
  [
    'numbers that float32 does not have',
    { grid: [1e39, 2, 3, 4, 5, 6] },
    '#/input/grid',
    'must be an array of 6 numbers, flat or in arrays of the shape [2, 3]',
  ],
  [
    'fractions for integers',
    { grid: GRID, ids: [1, 0.5] },
    '#/input/ids',
    'must be an array of 2 whole numbers',
  ],
  [
    'too few bytes',
    { grid: GRID, picture: 'AAAA' },
    '#/input/picture',
    'must be 49152 bytes in base64, which are 65536 characters',
  ],
  [
    'no base64',
    { grid: GRID, picture: '!'.repeat(65_536) },
    '#/input/picture',
    'must be 49152 bytes in base64, which are 65536 characters',
  ],
])('%s are one fault of the member', async (_, input, pointer, detail) => {
  const { status, body } = await submit(input);
  expect([status, errorsOf(body)]).toEqual([422, [{ pointer, detail }]]);
});

it('a long array of faults is one fault, and a larger body than the model takes is refused', async () => {
  const { status, body } = await submit({ grid: Array.from({ length: 20_000 }, () => 'x') });
  expect([status, (errorsOf(body) as object[]).length]).toEqual([422, 1]);
  expect((await submit({ grid: GRID, picture: 'A'.repeat(200_000) })).status).toBe(413);
  const long = JSON.stringify({ input: TRIP }) + ' '.repeat(70_000);
  const headers = { 'content-type': 'application/json' };
  expect((await fetch(`${api.url}/jobs`, { method: 'POST', headers, body: long })).status).toBe(413);
});

it('rows hold tensors as JSON and as cells of a table', async () => {
  const rows = [
    ['application/x-ndjson', `${JSON.stringify({ grid: GRID, ids: [7, 8] })}\n{"grid":[1]}\n`],
    ['text/csv', `grid,ids\n"[[1,2,3],[4,5,6.5]]","[7,8]"\n[1],\n`],
  ] as const;
  for (const [type, text] of rows) {
    const response = await fetch(`${api.url}/batches?model=shapes`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: text,
    });
    const batch = (await response.json()) as { id: string; rows: object };
    expect(batch.rows).toMatchObject({ total: 2, invalid: 1 });
    const model = api.ctx.models.current.byName.get('shapes');
    if (!model) throw new Error('no model');
    const packed = await new ChunkLeases(api.ctx.partitions.home.records).columns(`${batch.id}:0`);
    const { columns } = decodeChunk(model.batch.layout, packed ?? Buffer.alloc(0));
    expect([columns.arrays[0]?.slice(0, 6), columns.arrays[1]?.slice(0, 2)]).toEqual([
      Float32Array.from(GRID),
      Int32Array.of(7, 8),
    ]);
  }
});

it('the document types what goes in and what comes out', async () => {
  const { components } = (await api.call('get', '/openapi.json')).body as {
    components: { schemas: Record<string, { properties: Record<string, unknown> }> };
  };
  expect(components.schemas['shapes.input']?.properties).toMatchObject({
    grid: {
      type: 'array',
      anyOf: [
        { minItems: 6, maxItems: 6 },
        { minItems: 2, items: { minItems: 3, items: { type: 'number' } } },
      ],
    },
    ids: { type: 'array', minItems: 2, items: { type: 'integer' } },
    picture: { type: 'string', contentEncoding: 'base64', minLength: 65_536, maxLength: 65_536 },
  });
  expect(components.schemas['shapes.result']?.properties).toEqual({
    kind: { description: 'As the model says.', type: 'string', enum: ['a', 'b'] },
    kinds: {
      description: 'As the model says.',
      type: 'array',
      minItems: 1,
      maxItems: 1,
      items: {
        type: 'object',
        properties: { label: { type: 'string', enum: ['a', 'b'] }, score: { type: 'number' } },
        required: ['label', 'score'],
        additionalProperties: false,
      },
    },
    map: {
      description: 'As the model says. In metres.',
      type: 'array',
      minItems: 2,
      maxItems: 2,
      items: { type: 'array', minItems: 1, maxItems: 1, items: { type: 'number' } },
    },
  });
});
