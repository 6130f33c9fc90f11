import request, { type Response } from 'supertest';
import { MANY } from '../../api/models/submission-schemas.js';
import { until } from '../support/latch.js';
import { type ApiRig, type Headers, TRIP, useApiRigs } from '../support/rigs/api-rig.js';
import { LINEAR, SHOP } from '../support/rigs/models-folder.js';

const open = useApiRigs();
const SECRET = 'ann-secret-0123456789';
let api: ApiRig;
beforeEach(async () => {
  api = await open();
});

const INFER = `/v2/models/${LINEAR}/infer`;
const JSON_TYPE = { 'Content-Type': 'application/json' };

/** Tensors of a row for each distance. */
const trips = (...miles: number[]) => [
  { name: 'PULocationID', datatype: 'INT64', shape: [miles.length], data: miles.map(() => 130) },
  { name: 'DOLocationID', datatype: 'INT32', shape: [miles.length, 1], data: miles.map(() => [205]) },
  { name: 'trip_distance', datatype: 'FP32', shape: [miles.length], data: miles },
];
const infer = (body: unknown, headers: Headers = {}, path = INFER): Promise<Response> =>
  api.call('post', path, { body, headers: { ...JSON_TYPE, ...headers } });

interface Job {
  id: string;
  input: Record<string, unknown>;
}
/** So many jobs that wait, the first submitted first. */
const waiting = (count: number): Promise<Job[]> =>
  until(async () => {
    const { jobs } = (await api.call('get', '/jobs?status=queued')).body as { jobs: Job[] };
    return jobs.length === count ? jobs.toReversed() : undefined;
  });
const jobsOf = async (): Promise<Job[]> => (await api.call('get', '/jobs')).body.jobs;

const told = ({ status, body }: Response): [number, unknown] => [status, body];
const error = (text: string): unknown => ({ error: expect.stringContaining(text) });

it('describes the service and its models', async () => {
  expect(told(await api.call('get', '/v2'))).toEqual([
    200,
    { name: 'waggle', version: expect.stringMatching(/^\d+\./), extensions: ['binary_tensor_data'] },
  ]);
  const shop = {
    name: SHOP,
    versions: ['2.0.0'],
    platform: 'tensorflowjs_layers',
    inputs: [
      { name: 'size', datatype: 'BYTES', shape: [-1] },
      { name: 'gift', datatype: 'BOOL', shape: [-1] },
    ],
    outputs: [{ name: 'price', datatype: 'FP32', shape: [-1] }],
  };
  expect(told(await api.call('get', `/v2/models/${SHOP}`))).toEqual([200, shop]);
  expect(told(await api.call('get', `/v2/models/${SHOP}/versions/2.0.0`))).toEqual([200, shop]);
  const { inputs } = (await api.call('get', `/v2/models/${LINEAR}`)).body;
  expect(inputs).toContainEqual({ name: 'trip_distance', datatype: 'FP32', shape: [-1] });
});

it('tells without a key whether it is there, and nothing else', async () => {
  const closed = await open({ env: { API_KEYS: `ann:${SECRET}` } });
  expect(told(await closed.call('get', '/v2/health/live'))).toEqual([200, { live: true }]);
  expect(told(await closed.call('get', '/v2/health/ready'))).toEqual([200, { ready: true }]);
  for (const [method, path] of [
    ['get', '/v2'],
    ['get', `/v2/models/${LINEAR}`],
    ['get', `/v2/models/${LINEAR}/ready`],
    ['post', INFER],
  ] as const) {
    const refused = await closed.call(method, path);
    expect(told(refused)).toEqual([401, error('Authorization')]);
    expect(refused.headers['www-authenticate']).toMatch(/^Bearer/);
  }
  const headers = { Authorization: `Bearer ${SECRET}` };
  expect((await closed.call('get', '/v2', { headers })).status).toBe(200);
});

it('says that a model without a worker is not ready', async () => {
  expect(told(await api.call('get', `/v2/models/${LINEAR}/ready`))).toEqual([
    503,
    { name: LINEAR, ready: false },
  ]);
});

it.each([
  ['get', '/v2/models/nowhere', 404, 'there is no model "nowhere"'],
  ['get', `/v2/models/${SHOP}/versions/1.0.0`, 404, 'version 2.0.0 alone'],
  ['post', `/v2/models/${SHOP}/versions/1.0.0/infer`, 404, 'version 2.0.0 alone'],
  ['get', '/v2/nothing', 404, 'there is nothing'],
  ['get', INFER, 405, 'GET is none of POST'],
] as const)('answers %s %s with %i as the protocol says', async (method, path, status, text) => {
  const answer = await api.call(method, path);
  expect(told(answer)).toEqual([status, error(text)]);
  expect(answer.headers['content-type']).toBe('application/json');
});

it('waits for a job and answers with its outputs', async () => {
  const calling = infer({ id: 'mine', inputs: trips(3) });
  const [job] = await waiting(1);
  expect(job).toMatchObject({ model: LINEAR, request_id: 'mine', input: TRIP });
  await api.worker.succeed(job?.id ?? '');
  expect(told(await calling)).toEqual([
    200,
    {
      model_name: LINEAR,
      model_version: '1.0.0',
      id: 'mine',
      outputs: [{ name: 'duration', datatype: 'FP32', shape: [1], data: [12.9] }],
    },
  ]);
});

it('runs several rows as jobs of their own, and keeps their order', async () => {
  const calling = infer({ inputs: trips(1, 2, 3), outputs: [{ name: 'duration' }] });
  const jobs = await waiting(3);
  const byMiles = jobs.toSorted(
    (a, b) => Number(b.input['trip_distance']) - Number(a.input['trip_distance']),
  );
  for (const { id, input } of byMiles) {
    await api.worker.succeed(id, { duration: Number(input['trip_distance']) * 10 });
  }
  expect(told(await calling)).toMatchObject([200, { outputs: [{ shape: [3], data: [10, 20, 30] }] }]);
});

/** A request with its tensors in binary: the JSON, and behind it their bytes. */
function binaryOf(tensors: { name: string; datatype: string; bytes: Buffer }[], rows: number) {
  const inputs = tensors.map(({ name, datatype, bytes }) => ({
    name,
    datatype,
    shape: [rows],
    parameters: { binary_data_size: bytes.length },
  }));
  const json = Buffer.from(JSON.stringify({ inputs, parameters: { binary_data_output: true } }));
  return { body: Buffer.concat([json, ...tensors.map(({ bytes }) => bytes)]), json: json.length };
}
const sendBinary = ({ body, json }: { body: Buffer; json: number | string }, model: string) =>
  request(api.url)
    .post(`/v2/models/${model}/infer`)
    .set('Content-Type', 'application/octet-stream')
    .set('Inference-Header-Content-Length', String(json))
    .buffer(true)
    .parse((response, done) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () => done(null, Buffer.concat(pieces)));
    })
    .send(body);
const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.of(bytes.length, 0, 0, 0), bytes]);
};

it('takes and gives tensors in binary', async () => {
  const size = { name: 'size', datatype: 'BYTES', bytes: Buffer.concat([text('s'), text('l')]) };
  const gift = { name: 'gift', datatype: 'BOOL', bytes: Buffer.of(0, 1) };
  const calling = sendBinary(binaryOf([size, gift], 2), SHOP).then((answer) => answer);
  const jobs = await waiting(2);
  expect(jobs.map(({ input }) => input)).toEqual([
    { size: 's', gift: false },
    { size: 'l', gift: true },
  ]);
  for (const [row, { id }] of jobs.entries()) {
    const job = await api.worker.claim(id);
    const run = { queue: SHOP, modelVersion: '2.0.0', prepareMs: 0, predictMs: 0, batchSize: 1 };
    await api.worker.leases.commit(run, [{ job, verdict: { ok: true, result: { price: row + 0.5 } } }]);
  }
  const { status, headers, body } = await calling;
  expect([status, headers['content-type']]).toEqual([200, 'application/octet-stream']);
  const json = Number(headers['inference-header-content-length']);
  const all = body as Buffer;
  expect(JSON.parse(all.toString('utf8', 0, json))).toEqual({
    model_name: SHOP,
    model_version: '2.0.0',
    outputs: [{ name: 'price', datatype: 'FP32', shape: [2], parameters: { binary_data_size: 8 } }],
  });
  expect([all.readFloatLE(json), all.readFloatLE(json + 4), all.length]).toEqual([0.5, 1.5, json + 8]);
});

it.each([
  ['a size beyond the body', Buffer.of(9, 0, 0, 0, 115), undefined, 'text 0 is not whole UTF-8'],
  ['a length that is cut', Buffer.of(1, 0), undefined, 'text 0 is not whole UTF-8'],
  ['text that is not UTF-8', Buffer.of(1, 0, 0, 0, 255), undefined, 'text 0 is not whole UTF-8'],
  ['fewer texts than rows', text('s').subarray(0, 0), undefined, 'has 0 values'],
  ['a header length beyond the body', text('s'), 1e6, 'Inference-Header-Content-Length'],
  ['a header length that is no number', text('s'), '-1', 'Inference-Header-Content-Length'],
])('refuses binary tensors with %s', async (_, bytes, json, detail) => {
  const sent = binaryOf([{ name: 'size', datatype: 'BYTES', bytes }], 1);
  const { status, body } = await sendBinary({ body: sent.body, json: json ?? sent.json }, SHOP);
  expect([status, JSON.parse(String(body))]).toEqual([400, error(detail)]);
});

it('refuses bytes that belong to no tensor, and tensors that go beyond the body', async () => {
  const sent = binaryOf([{ name: 'size', datatype: 'BYTES', bytes: text('s') }], 1);
  const long = await sendBinary({ ...sent, body: Buffer.concat([sent.body, text('m')]) }, SHOP);
  expect([long.status, String(long.body)]).toEqual([400, expect.stringContaining('5 bytes at the end')]);
  const short = await sendBinary({ ...sent, body: sent.body.subarray(0, -1) }, SHOP);
  expect([short.status, String(short.body)]).toEqual([
    400,
    expect.stringContaining('1 bytes behind the body'),
  ]);
});

const [pickup, dropoff, miles] = trips(1, 2);
it.each([
  ['a bad row', { inputs: trips(1, -1) }, '#/1/trip_distance must be >= 0'],
  [
    'a bad row of a batch',
    { inputs: trips(...Array.from({ length: 99 }, (_, i) => i - 7)) },
    '#/6/trip_distance must be',
  ],
  ['a missing tensor', { inputs: [pickup, miles] }, '#/0/DOLocationID is required'],
  [
    'an unknown tensor',
    { inputs: [...trips(1), { ...trips(1)[2], name: 'colour' }] },
    'there is no input colour',
  ],
  [
    'a tensor of the name __proto__',
    { inputs: [{ ...trips(1)[2], name: '__proto__' }] },
    'there is no input __proto__',
  ],
  ['a tensor twice', { inputs: [pickup, dropoff, miles, miles] }, 'trip_distance is given twice'],
  [
    'tensors of different rows',
    { inputs: [pickup, dropoff, ...trips(1).slice(2)] },
    'has 1 rows, the first 2',
  ],
  [
    'fewer values than the shape says',
    { inputs: [{ ...miles, data: [1] }] },
    'has 1 values, and its shape says 2',
  ],
  ['another shape', { inputs: [{ ...miles, shape: [1, 2] }] }, 'must be of the shape ["rows"]'],
  ['an unknown output', { inputs: trips(1), outputs: [{ name: 'fare' }] }, 'there is no output fare'],
  [
    'an output twice',
    { inputs: trips(1), outputs: [{ name: 'duration' }, { name: 'duration' }] },
    'named twice',
  ],
  ['an unknown datatype', { inputs: [{ ...miles, datatype: 'FP8' }] }, '#/inputs/0/datatype must be one of'],
  ['no data', { inputs: [{ ...miles, data: undefined }] }, 'needs either data or'],
  ['no inputs', {}, '#/inputs is required'],
  ['a body that is no JSON', '{"inputs"', 'JSON'],
  [
    'values nested beyond the shape',
    { inputs: [{ ...miles, data: [[[1]], [[2]]] }] },
    '#/0/trip_distance must be number',
  ],
])('refuses %s, and runs nothing', async (_, body, detail) => {
  expect(told(await infer(body))).toEqual([400, error(detail)]);
  expect(await jobsOf()).toEqual([]);
});

it('refuses other media types, a page of another origin that names none, and bodies that are too large', async () => {
  const body = JSON.stringify({ inputs: trips(1) });
  expect((await infer(body, { 'Content-Type': 'text/plain' })).status).toBe(415);
  const untyped = (headers: Headers) =>
    fetch(api.url + INFER, {
      method: 'POST',
      body: Buffer.from(body),
      headers: { Prefer: 'respond-async', ...headers },
    });
  expect((await untyped({})).status).toBe(202);
  expect((await untyped({ Origin: 'http://127.0.0.1:1' })).status).toBe(415);
  expect(told(await infer(`"${'x'.repeat(MANY.bodyBytes)}"`))).toEqual([413, error('must not be larger')]);
});

it('refuses rows whose outputs would have more values than an answer may', async () => {
  const rows = MANY.bodyBytes / 4 + 1;
  const sent = binaryOf([{ name: 'gift', datatype: 'BOOL', bytes: Buffer.alloc(rows) }], rows);
  const { status, body } = await sendBinary(sent, SHOP);
  expect([status, JSON.parse(String(body))]).toEqual([413, error(`would have ${rows} values`)]);
});

describe('with Prefer: respond-async', () => {
  const ask = (rows: number) =>
    infer({ inputs: trips(...Array.from({ length: rows }, () => 3)) }, { Prefer: 'respond-async' });

  it.each([
    [1, '/jobs/', { status: 'queued', model: LINEAR }],
    [65, '/batches/', { status: 'queued', model: LINEAR, rows: { total: 65 } }],
  ])('answers 202 for %i rows with what is to be polled at %s', async (rows, path, expected) => {
    const { status, body, headers } = await ask(rows);
    expect([status, body]).toMatchObject([202, expected]);
    expect(headers).toMatchObject({ location: path + body.id, 'preference-applied': 'respond-async' });
  });

  it('answers 202 with the jobs of several rows', async () => {
    const { status, body } = await ask(2);
    expect([status, body.jobs]).toMatchObject([202, [{ status: 'queued' }, { status: 'queued' }]]);
  });
});

it('answers 504 when it has waited long enough; nothing is left that runs for nobody', async () => {
  expect(told(await infer({ inputs: trips(1) }, { Prefer: 'wait=1' }))).toEqual([
    504,
    error('had not ended'),
  ]);
  const [job] = await waiting(1);
  const { created_at: created, queue_expires_at: expires } = (await api.poll(job?.id ?? '')).body;
  expect(Date.parse(expires) - Date.parse(created)).toBe(60_000);
  const rows = Array.from({ length: 65 }, () => 1);
  expect((await infer({ inputs: trips(...rows) }, { Prefer: 'wait=1' })).status).toBe(504);
  const { batches } = (await api.call('get', '/batches')).body;
  expect(batches).toMatchObject([{ status: 'canceled' }]);
});

it('answers 500 with the reason when a row has no result', async () => {
  const calling = infer({ inputs: trips(1, 2) });
  const [first, second] = await waiting(2);
  await api.worker.succeed(first?.id ?? '');
  await api.worker.fail(second?.id ?? '', 'model_error');
  expect(told(await calling)).toEqual([500, error('row 1 has no result: the model did not like it')]);
});

it('counts every row in the rate limit', async () => {
  api = await open({ env: { RATE_LIMIT: '70/3600' } });
  const rows = (count: number) =>
    infer({ inputs: trips(...Array.from({ length: count }, () => 1)) }, { Prefer: 'respond-async' });
  expect((await rows(3)).headers['ratelimit']).toMatch(/r=67/);
  expect(told(await rows(68))).toEqual([429, error('each job and each row counts')]);
});

it('answers 503 while it is told to stop', async () => {
  api = await open({ env: { GRACE_MS: '1' } });
  api.drain();
  expect(told(await infer({ inputs: trips(1) }))).toEqual([503, error('shutting down')]);
  expect(told(await api.call('get', '/v2/health/ready'))).toEqual([503, { ready: false }]);
});
