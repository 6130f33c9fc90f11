import { decodeChunk } from '../../shared/batches/chunk-codec.js';
import { ChunkLeases } from '../../shared/batches/chunk-leases.js';
import type { BatchBody } from '../../shared/contract/batch.js';
import { until } from '../support/latch.js';
import { photoManifest } from '../support/photos.js';
import { useApiRig } from '../support/rigs/api-rig.js';
import { modelsFolder, SHOP, writeModel } from '../support/rigs/models-folder.js';

const LIMIT_BYTES = 3_000;

const dir = modelsFolder();
writeModel(dir, 'photo', '1.0.0', photoManifest({ max_bytes: LIMIT_BYTES }));
const { input, columns, ...pair } = photoManifest({}, 'pair');
const two = { ...columns[0]!, member: 'other', tensor: 'other' };
writeModel(dir, 'pair', '1.0.0', {
  ...pair,
  input: { ...input, properties: { ...input.properties, other: { type: 'string' } } },
  columns: [...columns, two],
});
const api = useApiRig({ env: { MODELS_DIR: dir } });

/** A black pixel. */
const PIXEL = Buffer.from(String(photoManifest().example['photo']), 'base64');
/** The same file, but for its size. */
const sized = (width: number, height: number): Buffer => {
  const bytes = Buffer.from(PIXEL);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes;
};

/** The one job that waits. */
const waiting = (): Promise<Job> =>
  until(async () => {
    const { jobs } = (await api.call('get', '/jobs?status=queued')).body as { jobs: Job[] };
    return jobs[0];
  });
interface Job {
  id: string;
  input: unknown;
}

const submit = (photo: unknown) => api.submit({ model: 'photo', input: { photo } });
/** A request whose body is an image. */
const send = (query: string, body: Buffer = PIXEL, headers: Record<string, string> = {}) =>
  api.call('post', `/jobs${query}`, { body, headers: { 'content-type': 'image/png', ...headers } });
const base64 = (bytes: Buffer): string => bytes.toString('base64');
const inputOf = async (id: string): Promise<unknown> => (await api.poll(id)).body.input;

it.each<[string, unknown, string]>([
  ['text', 'a photo', 'must be a JPEG, PNG or WebP image in base64'],
  ['other bytes', base64(Buffer.from('GIF89a'.padEnd(100))), 'must be a JPEG, PNG or WebP image in base64'],
  ['a torn header', base64(PIXEL.subarray(0, 20)), 'must be a JPEG, PNG or WebP image in base64'],
  ['another alphabet', `${base64(PIXEL)}_-`, 'must be a JPEG, PNG or WebP image in base64'],
  ['too many pixels', base64(sized(65_536, 65_536)), 'must be an image of at most 16777216 pixels'],
  ['too many bytes', base64(Buffer.alloc(LIMIT_BYTES + 1)), 'must be an image of at most 3000 bytes'],
  ['a number', 7, 'must be string'],
])('%s instead of an image is one fault of the member', async (_, photo, detail) => {
  const { status, body } = await submit(photo);
  expect([status, body.errors]).toEqual([422, [{ pointer: '#/input/photo', detail }]]);
});

it('may be a data URL', async () => {
  expect((await submit(`data:image/png;base64,${base64(PIXEL)}`)).status).toBe(202);
});

describe('a body that is an image', () => {
  it('is a job like one in JSON: its members and options are parameters, and its key is the same', async () => {
    const key = { 'idempotency-key': 'one' };
    const accepted = await send('?model=photo&bias=0.5&request_id=mine&timeout_ms=5000', PIXEL, key);
    expect([accepted.status, accepted.body.request_id]).toEqual([202, 'mine']);
    const given = { photo: base64(PIXEL), bias: 0.5 };
    expect(await inputOf(accepted.body.id)).toEqual(given);
    const json = { model: 'photo', input: given, request_id: 'mine', timeout_ms: 5000 };
    const again = await api.submit(json, key);
    expect([again.headers['idempotency-replayed'], again.body.id]).toEqual(['true', accepted.body.id]);
  });

  it('is waited for', async () => {
    const sending = send('?model=photo', PIXEL, { prefer: 'wait=20' });
    const job = await waiting();
    await api.worker.succeed(job.id, { pixels: [] });
    const { status, body } = await sending;
    expect([status, body.status]).toEqual([200, 'succeeded']);
  });

  it.each<[string, string, Buffer, Record<string, string>, number, unknown]>([
    [
      'no model',
      '',
      PIXEL,
      {},
      422,
      [{ parameter: 'model', detail: 'is required where the body is an image' }],
    ],
    ['an unknown model', '?model=none', PIXEL, {}, 404, undefined],
    ['a model without images', `?model=${SHOP}`, PIXEL, {}, 415, undefined],
    ['a model of two images', '?model=pair', PIXEL, {}, 415, undefined],
    ['text', '?model=photo', Buffer.from('x'.repeat(99)), {}, 415, undefined],
    ['gzip', '?model=photo', PIXEL, { 'content-encoding': 'gzip' }, 415, undefined],
    ['too many bytes', '?model=photo', Buffer.alloc(LIMIT_BYTES + 1), {}, 413, undefined],
    ['too many pixels', '?model=photo', sized(5_000, 5_000), {}, 413, undefined],
    [
      'an unknown parameter',
      '?model=photo&x=1',
      PIXEL,
      {},
      422,
      [{ parameter: 'x', detail: 'is not a known parameter' }],
    ],
    [
      'the image as a parameter',
      '?model=photo&photo=AA',
      PIXEL,
      {},
      422,
      [{ parameter: 'photo', detail: 'is not a known parameter' }],
    ],
    [
      'a bad member',
      '?model=photo&bias=much',
      PIXEL,
      {},
      422,
      [{ pointer: '#/input/bias', detail: 'must be number' }],
    ],
    [
      'a bad option',
      '?model=photo&timeout_ms=0',
      PIXEL,
      {},
      422,
      [{ pointer: '#/timeout_ms', detail: 'must be >= 1' }],
    ],
  ])('is refused with %s', async (_, query, body, headers, status, errors) => {
    const answer = await send(query, body, headers);
    expect([answer.status, answer.body.errors]).toEqual([status, errors]);
  });
});

it('rows hold images, as JSON and as cells of a table, and chunks no more than the bounds allow', async () => {
  const texts = [base64(PIXEL), base64(sized(2, 2))];
  for (const [type, text] of [
    [
      'application/x-ndjson',
      `${texts.map((photo) => JSON.stringify({ photo })).join('\n')}\n{"photo":"x"}\n`,
    ],
    ['text/csv', `photo,bias\n${texts.map((photo) => `${photo},`).join('\n')}\nx,1\n`],
  ] as const) {
    const response = await fetch(`${api.url}/batches?model=photo`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: text,
    });
    const batch = (await response.json()) as BatchBody;
    expect(batch.rows).toMatchObject({ total: 3, invalid: 1 });
    const { layout } = api.ctx.models.current.byName.get('photo')!.batch;
    const packed = await new ChunkLeases(api.ctx.partitions.home.records).columns(`${batch.id}:0`);
    const chunk = decodeChunk(layout, packed!);
    expect(chunk.columns.arrays.slice(2).map((image) => Buffer.from(image))).toEqual([
      PIXEL,
      sized(2, 2),
      Buffer.alloc(0),
    ]);
    expect([...chunk.holes]).toEqual([2]);
    const second = layout.slice(chunk.columns, 1, 2);
    expect(second.arrays.map(({ length }) => length)).toEqual([0, 1, PIXEL.length]);
  }
});

it('is a tensor of bytes for clients of the Open Inference Protocol', async () => {
  const { body: described } = await api.call('get', '/v2/models/photo');
  expect(described.inputs[0]).toEqual({ name: 'photo', datatype: 'BYTES', shape: [-1] });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(PIXEL.length);
  const size = { binary_data_size: 4 + PIXEL.length };
  const json = Buffer.from(
    JSON.stringify({ inputs: [{ name: 'photo', datatype: 'BYTES', shape: [1], parameters: size }] }),
  );
  const sending = fetch(`${api.url}/v2/models/photo/infer`, {
    method: 'POST',
    headers: {
      'inference-header-content-length': String(json.length),
      'content-type': 'application/octet-stream',
    },
    body: Buffer.concat([json, length, PIXEL]),
  });
  const job = await waiting();
  expect(job.input).toEqual({ photo: base64(PIXEL) });
  await api.worker.succeed(job.id, { pixels: Array.from({ length: 24 }, () => 0) });
  expect((await sending).status).toBe(200);
});

it('the document says what an image is, and that it may be the body', async () => {
  const { paths, components } = (await api.call('get', '/openapi.json')).body;
  expect(components.schemas['photo.input'].properties.photo).toEqual({
    type: 'string',
    title: 'Photo',
    contentEncoding: 'base64',
    contentMediaType: 'image/*',
    maxLength: 4_023,
  });
  expect(Object.keys(paths['/jobs'].post.requestBody.content)).toEqual([
    'application/json',
    'image/jpeg',
    'image/png',
    'image/webp',
  ]);
  expect((await api.call('get', '/models/photo')).body.input_shapes).toBeUndefined();
});
