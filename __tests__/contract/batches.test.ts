import { once } from 'node:events';
import { createGunzip, gunzipSync, gzipSync } from 'node:zlib';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { decodeChunk } from '../../shared/batches/chunk-codec.js';
import { ChunkLeases } from '../../shared/batches/chunk-leases.js';
import { createColumnLayout } from '../../shared/model/columns.js';
import { until } from '../support/latch.js';
import { TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { LINEAR, SHOP } from '../support/rigs/models-folder.js';

const limits = { BATCH_MAX_ROWS: '1000', BATCH_LIMIT_BYTES: '200000', CHUNK_ROWS: '4', TRUST_PROXY: '1' };
const api = useApiRig({ env: limits });

interface Answer {
  status: number;
  headers: Record<string, string>;
  text: string;
  body: Record<string, unknown> & { id: string; status: string; rows: Record<string, number> };
}

/** Sends bytes as they are. */
async function send(
  method: string,
  path: string,
  { body, headers = {} }: { body?: string | Buffer; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const response = await fetch(api.url + path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: new Uint8Array(Buffer.from(body)) }),
  });
  const text = await response.text();
  const isJson = /[/+]json$/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    text,
    body: (isJson ? JSON.parse(text) : {}) as Answer['body'],
  };
}

const NDJSON = { 'content-type': 'application/x-ndjson' };
const upload = (body: string | Buffer, headers: Record<string, string> = {}, query = ''): Promise<Answer> =>
  send('POST', `/batches${query}`, { body, headers: { ...NDJSON, ...headers } });
const poll = (id: string) => api.call('get', `/batches/${id}`);
const results = (id: string, query = '', headers = {}): Promise<Answer> =>
  send('GET', `/batches/${id}/results${query}`, { headers });

const line = (input: object): string => `${JSON.stringify(input)}\n`;
const trips = (count: number): string =>
  Array.from({ length: count }, (_, i) => line({ ...TRIP, trip_distance: i })).join('');

/** Runs the first waiting chunks as a worker would, with a model that answers the distance of a trip times ten. */
async function runChunks(most = Number.POSITIVE_INFINITY): Promise<void> {
  const { records } = api.ctx.partitions.home;
  const chunks = new ChunkLeases(records);
  const model = api.ctx.models.current.byName.get(LINEAR);
  if (!model) throw new Error('no model');
  const layout = createColumnLayout(model.manifest);
  const distances = layout.tensors.findIndex((tensor) => tensor.name === 'trip_distance');
  const waiting = await records.redis.command([
    'ZRANGE',
    records.key(`queued:${model.batch.queue}:normal`),
    '0',
    '-1',
  ]);
  for (const id of (Array.isArray(waiting) ? waiting.map(String) : []).slice(0, most)) {
    const job = await api.worker.claim(id);
    const { columns, holes } = decodeChunk(layout, (await chunks.columns(id)) ?? Buffer.alloc(0));
    const minutes = Float32Array.from(columns.arrays[distances] ?? [], (miles) => miles * 10);
    for (const hole of holes) minutes[hole] = Number.NaN;
    const rowsSucceeded = columns.rows - holes.length;
    await chunks.commit(job, {
      modelVersion: '1.0.0',
      outputs: { rows: columns.rows, values: [minutes] },
      rowsSucceeded,
      rowsFailed: 0,
    });
  }
}

describe('an upload', () => {
  it.each([
    ['NDJSON', 'application/x-ndjson', line(TRIP) + line(TRIP)],
    ['JSON', 'application/json', JSON.stringify({ inputs: [TRIP, TRIP] })],
    ['CSV', 'text/csv; charset=utf-8', 'trip_distance,PULocationID,DOLocationID\n3,130,205\n3,130,205\n'],
  ])('of %s is accepted with 202, Location and the batch', async (_, type, body) => {
    const accepted = await upload(body, { 'content-type': type });
    expect(accepted.status).toBe(202);
    expect(accepted.headers['location']).toBe(`/batches/${accepted.body.id}`);
    expect(accepted.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    expect(accepted.body).toMatchObject({
      status: 'queued',
      model: LINEAR,
      progress: 0,
      rows: { total: 2, invalid: 0 },
    });
    await runChunks();
    const done = await poll(accepted.body.id);
    expect(done.body).toMatchObject({
      status: 'succeeded',
      progress: 1,
      rows: { total: 2, succeeded: 2, failed: 0 },
    });
    expect((await results(accepted.body.id)).text).toBe('{"row":0,"duration":30}\n{"row":1,"duration":30}\n');
  });

  it('may be gzip, for a model of its choice, with a request id', async () => {
    const accepted = await upload(
      gzipSync(line({ size: 'm' })),
      { 'content-encoding': 'gzip' },
      `?model=${SHOP}&request_id=r-1`,
    );
    expect(accepted.body).toMatchObject({ model: SHOP, request_id: 'r-1', rows: { total: 1 } });
  });

  it('makes row errors of bad rows, with row numbers and pointers', async () => {
    const bad = [
      line(TRIP),
      '{"PULocationID":0}\n',
      'no json\n',
      line({ ...TRIP, colour: 1 }),
      '[1]\n',
      line(TRIP),
    ].join('');
    const { body } = await upload(bad);
    expect(body.rows).toMatchObject({ total: 6, invalid: 4 });
    await runChunks();
    const lines = (await results(body.id)).text
      .trim()
      .split('\n')
      .map(
        (text) =>
          JSON.parse(text) as { row: number; error?: { code: string; errors: { pointer: string }[] } },
      );
    expect(lines.map(({ row }) => row)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(lines.map(({ error }) => error?.errors.map(({ pointer }) => pointer))).toEqual([
      undefined,
      ['#/DOLocationID', '#/trip_distance', '#/PULocationID'],
      ['#'],
      ['#/colour'],
      ['#'],
      undefined,
    ]);
    expect((await poll(body.id)).body).toMatchObject({
      status: 'succeeded',
      rows: { succeeded: 2, invalid: 4 },
    });
  });

  it('fails as a batch when every row is bad', async () => {
    const { body } = await upload('1\n2\n');
    expect((await poll(body.id)).body).toMatchObject({ status: 'failed', progress: 1, rows: { invalid: 2 } });
  });

  it('that is strict is refused whole for one bad row, and enqueues nothing', async () => {
    const refused = await upload(trips(9) + line({ PULocationID: 1 }), {}, '?strict=true');
    expect(refused.status).toBe(422);
    expect(refused.body['errors']).toContainEqual({ pointer: '#/9/DOLocationID', detail: 'is required' });
    expect(await depth()).toBe(0);
    const good = await upload(trips(9), {}, '?strict=true');
    expect(good.status).toBe(202);
    expect(await depth()).toBe(3);
  });

  const depth = () =>
    api.ctx.partitions.home.records.redis.command([
      'ZCARD',
      api.ctx.partitions.home.records.key(`queued:${LINEAR}.chunks:normal`),
    ]);

  it.each([
    ['an empty body', '', {}, 422],
    ['blank lines only', '\n\n', {}, 422],
    [
      'a CSV header without rows',
      'PULocationID,DOLocationID,trip_distance\n',
      { 'content-type': 'text/csv' },
      422,
    ],
    ['wrong CSV columns', 'a,b\n1,2\n', { 'content-type': 'text/csv' }, 422],
    ['no inputs', '{"inputs":[]}', { 'content-type': 'application/json' }, 422],
    ['broken JSON', '{"inputs":[', { 'content-type': 'application/json' }, 400],
    ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), {}, 400],
    ['truncated gzip', gzipSync(trips(50)).subarray(0, -20), { 'content-encoding': 'gzip' }, 400],
    ['plain text said to be gzip', line(TRIP), { 'content-encoding': 'gzip' }, 400],
    ['a gzip bomb', gzipSync(Buffer.alloc(5_000_000, 'x\n')), { 'content-encoding': 'gzip' }, 413],
    ['a line of megabytes', `${'1'.repeat(10_000_000)}\n`, {}, 413],
    ['too many rows', trips(1_001), {}, 413],
    ['another media type', line(TRIP), { 'content-type': 'text/plain' }, 415],
    ['another encoding', line(TRIP), { 'content-encoding': 'br' }, 415],
  ] as [string, string | Buffer, Record<string, string>, number][])(
    'of %s is answered as documented, and the server lives',
    async (_, body, headers, status) => {
      // A client that is still sending may see its connection end before it reads the answer to a body too large.
      const answered = await upload(body, headers).then(
        (answer) => answer.status,
        () => 413,
      );
      expect(answered).toBe(status);
      expect((await upload(line(TRIP))).status).toBe(202);
    },
  );

  it.each([
    [
      'NaN and Infinity',
      'PULocationID,DOLocationID,trip_distance\n130,205,NaN\n130,205,Infinity\n130,205,1e999\n',
      'text/csv',
    ],
    [
      'NaN and Infinity',
      '{"PULocationID":1,"DOLocationID":1,"trip_distance":NaN}\n{"trip_distance":Infinity}\n{"PULocationID":1,"DOLocationID":1,"trip_distance":1e999}\n',
      'application/x-ndjson',
    ],
  ])('with %s makes row errors of them', async (_, body, type) => {
    expect((await upload(body, { 'content-type': type })).body.rows).toMatchObject({ total: 3, invalid: 3 });
  });

  it('for an unknown model or with unknown parameters is refused', async () => {
    expect((await upload(line(TRIP), {}, '?model=none')).status).toBe(404);
    const refused = await upload(line(TRIP), {}, '?strict=maybe&colour=red');
    expect(refused.status).toBe(422);
    expect(refused.body['errors']).toEqual([
      { parameter: 'strict', detail: 'must be true or false' },
      { parameter: 'colour', detail: 'is not a known parameter' },
    ]);
  });

  it('is waited for with Prefer: wait, and then answered with 200', async () => {
    const answering = upload(line(TRIP), { prefer: 'wait=10' });
    await until(async () => (await depth()) === 1);
    await runChunks();
    const answer = await answering;
    expect(answer.status).toBe(200);
    expect(answer.headers['preference-applied']).toBe('wait=10');
    expect(answer.body.status).toBe('succeeded');
  });

  it('runs while it goes on, and is canceled when it breaks off', async () => {
    const sending = httpRequest(`${api.url}/batches`, {
      method: 'POST',
      headers: { ...NDJSON, 'idempotency-key': 'broken' },
    });
    sending.on('error', () => undefined);
    sending.write(trips(4));
    const batch = await until(async () => {
      const { batches } = (await api.call('get', '/batches')).body as { batches: Answer['body'][] };
      return batches[0]?.rows['total'] === 4 && batches[0];
    });
    expect(batch.status).toBe('accepting');
    await runChunks();
    expect((await results(batch.id)).text.trim().split('\n')).toHaveLength(4);
    expect((await upload(trips(4), { 'idempotency-key': 'broken' })).status).toBe(409);
    sending.destroy();
    await until(async () => ((await poll(batch.id)).body as Answer['body']).status === 'canceled');
    expect((await upload(trips(4), { 'idempotency-key': 'broken' })).status).toBe(202);
  });

  it('is not read on while the client is refused: the connection ends soon', async () => {
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(
      'POST /batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n',
    );
    const answer = await new Promise<string>((resolve) =>
      socket.once('data', (data) => resolve(data.toString())),
    );
    expect(answer).toMatch(/^HTTP\/1.1 415 /);
    socket.destroy();
  });
});

describe('a repeated Idempotency-Key', () => {
  const key = { 'idempotency-key': '"k-1"' };
  it('answers with the first batch for the same rows, and with 422 for others', async () => {
    const first = await upload(trips(5), key);
    const again = await upload(trips(5), key);
    expect(again.status).toBe(202);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(again.body.id).toBe(first.body.id);
    expect((await upload(trips(6), key)).status).toBe(422);
  });
});

describe('results', () => {
  it('come in input order, resume from any row, and stop at the first chunk that has not run', async () => {
    const { body } = await upload(trips(10));
    const before = await results(body.id);
    expect([before.headers['batch-complete'], before.text]).toEqual(['false', '']);
    await runChunks();
    const all = await results(body.id);
    expect(all.headers['batch-complete']).toBe('true');
    const lines = Array.from({ length: 10 }, (_, i) => `{"row":${i},"duration":${i * 10}}\n`);
    expect(all.text).toBe(lines.join(''));
    for (const from of [1, 4, 7, 9, 10, 999]) {
      expect((await results(body.id, `?from=${from}`)).text).toBe(lines.slice(from).join(''));
    }
    expect((await results(body.id, '?from=-1')).status).toBe(422);
    expect((await results(body.id, `?from=${Number.MAX_SAFE_INTEGER}`)).text).toBe('');
    expect((await results(body.id, `?from=${Number.MAX_SAFE_INTEGER + 1}`)).status).toBe(422);
  });

  /** Opens the results with `Prefer: wait`; `text` grows as they come. */
  async function follow(
    id: string,
    query = '',
  ): Promise<{ headers: Headers; text: () => string; ended: Promise<void> }> {
    const response = await fetch(`${api.url}/batches/${id}/results${query}`, {
      headers: { prefer: 'wait=60' },
    });
    let text = '';
    const reading = async (): Promise<void> => {
      for await (const piece of response.body ?? []) text += Buffer.from(piece).toString();
    };
    return { headers: response.headers, text: () => text, ended: reading() };
  }

  it('come as their chunks end where the client waits, also while the upload goes on', async () => {
    const sending = httpRequest(`${api.url}/batches`, { method: 'POST', headers: NDJSON });
    sending.write(trips(4));
    const { id } = await until(async () => {
      const { batches } = (await api.call('get', '/batches')).body as { batches: Answer['body'][] };
      return batches[0]?.rows['total'] === 4 && batches[0];
    });
    const all = await follow(id);
    const from = await follow(id, '?from=3');
    expect([all.headers.get('batch-complete'), all.headers.get('preference-applied')]).toEqual([
      'false',
      'wait=60',
    ]);
    await runChunks();
    const lines = Array.from({ length: 4 }, (_, i) => `{"row":${i},"duration":${i * 10}}\n`);
    await until(() => all.text() === lines.join('') && from.text() === lines[3]);
    sending.end(`${trips(4)}3\n${trips(1)}`);
    await until(async () => ((await poll(id)).body as Answer['body']).rows['total'] === 10);
    await runChunks(1);
    await until(() => all.text().length > 2 * lines.join('').length - 1);
    await runChunks();
    await all.ended;
    await from.ended;
    const rows = all
      .text()
      .trim()
      .split('\n')
      .map((one) => JSON.parse(one) as { row: number; error?: { code: string } });
    expect(rows.map(({ row, error }) => error?.code ?? row)).toEqual([
      0,
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      'invalid_input',
      9,
    ]);
    expect(from.text().trim().split('\n')).toHaveLength(7);
  });

  it('that are waited for say of the rest that the batch was canceled', async () => {
    const { body } = await upload(trips(6));
    const { text, ended } = await follow(body.id);
    await runChunks(1);
    await until(() => text().trim().split('\n').length === 4);
    await api.call('delete', `/batches/${body.id}`);
    await ended;
    expect(text().split('canceled before the row ran')).toHaveLength(3);
  });

  it('are CSV when asked for, with the error as text', async () => {
    const { body } = await upload(`${line(TRIP)}3\n`);
    await runChunks();
    const { text, headers } = await results(body.id, '', { accept: 'text/csv' });
    expect(headers['content-type']).toMatch(/^text\/csv/);
    expect(text).toBe('row,duration,error\r\n0,30,\r\n1,,invalid_input: # must be object\r\n');
  });

  it('are gzip on the machine itself where nothing else is asked for', async () => {
    const { body } = await upload(trips(3));
    await runChunks();
    const read = (encodings: string): Promise<{ encoding: string | undefined; bytes: Buffer }> =>
      new Promise((resolve) => {
        const headers = { 'accept-encoding': encodings };
        httpRequest(`${api.url}/batches/${body.id}/results`, { headers }, (response) => {
          const pieces: Buffer[] = [];
          response
            .on('data', (piece: Buffer) => pieces.push(piece))
            .on('end', () =>
              resolve({ encoding: response.headers['content-encoding'], bytes: Buffer.concat(pieces) }),
            );
        }).end();
      });
    const { encoding, bytes } = await read('gzip');
    expect([encoding, gunzipSync(bytes).toString().split('\n').length]).toEqual(['gzip', 4]);
    expect((await read('gzip, deflate, br')).encoding).toBeUndefined();
  });

  it('are gzip for a client behind a proxy, and come chunk by chunk all the same', async () => {
    const { body } = await upload(trips(6));
    const headers = { 'accept-encoding': 'gzip, br', 'x-forwarded-for': '203.0.113.7', prefer: 'wait=60' };
    let text = '';
    const response = await new Promise<IncomingMessage>((resolve) => {
      httpRequest(`${api.url}/batches/${body.id}/results`, { headers }, resolve).end();
    });
    expect(response.headers['content-encoding']).toBe('gzip');
    const unpacked = response.pipe(createGunzip()).on('data', (piece: Buffer) => (text += piece.toString()));
    await runChunks(1);
    await until(() => text.split('\n').length === 5, { what: 'the rows of the first chunk' });
    await runChunks();
    await once(unpacked, 'end');
    expect(text.split('\n')).toHaveLength(7);
  });
});

describe('canceling', () => {
  it('ends what has not run, keeps what has, and is too late afterwards', async () => {
    const { body } = await upload(trips(6));
    const self = `/batches/${body.id}`;
    expect(body).toMatchObject({ links: { self, results: `${self}/results`, cancel: self } });
    const canceled = await api.call('delete', self);
    expect(canceled.status).toBe(200);
    expect(canceled.body).toMatchObject({ status: 'canceled' });
    expect((canceled.body as Answer['body']).links).toEqual({ self, results: `${self}/results` });
    expect((await api.call('delete', `/batches/${body.id}`)).status).toBe(409);
    const { text, headers } = await results(body.id);
    expect(headers['batch-complete']).toBe('true');
    expect(
      text
        .trim()
        .split('\n')
        .map((one) => (JSON.parse(one) as { error: { code: string } }).error.code),
    ).toEqual(Array(6).fill('canceled'));
  });
});

it('lists batches newest first, and answers 404 for unknown ids', async () => {
  const ids = [await upload(trips(1)), await upload(trips(1)), await upload(trips(1))].map(
    ({ body }) => body.id,
  );
  const first = await api.call('get', '/batches?limit=2');
  const page = first.body as { batches: { id: string }[]; next_cursor: string };
  const rest = (await api.call('get', `/batches?limit=2&cursor=${page.next_cursor}`)).body as typeof page;
  expect([...page.batches, ...rest.batches].map(({ id }) => id)).toEqual(ids.toReversed());
  expect(rest.next_cursor).toBeNull();
  for (const id of ['nonsense', '01a205df-3b69-7143-887f-a2d1af476d4a']) {
    expect([404, 410]).toContain((await poll(id)).status);
    expect([404, 410]).toContain((await api.call('delete', `/batches/${id}`)).status);
  }
});
