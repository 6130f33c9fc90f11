import { gunzipSync } from 'node:zlib';
import type { BatchRow } from '../../../shared/contract/batch.js';
import { WaggleClient } from '../../../shared/client/client.js';
import { ProblemError, UnexpectedAnswerError, UnreachableError } from '../../../shared/client/errors.js';
import { type AnswerServer, type ScriptedAnswer, startAnswers } from '../../support/answer-server.js';
import { until } from '../../support/latch.js';
import { batchView } from '../../support/batch-view.js';

let server: AnswerServer;
afterEach(() => server.close());

async function clientOf(...answers: ScriptedAnswer[]) {
  server = await startAnswers(answers);
  return new WaggleClient({ url: server.url }).batches;
}

const inputs = [{ x: 1 }, { x: 'ü' }];
const body = '{"x":1}\n{"x":"ü"}\n';

const results = (rows: readonly object[], isComplete = true): ScriptedAnswer => ({
  headers: { 'content-type': 'application/x-ndjson', 'batch-complete': String(isComplete) },
  body: rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
});

async function all(rows: AsyncIterable<BatchRow>): Promise<BatchRow[]> {
  const read: BatchRow[] = [];
  for await (const row of rows) read.push(row);
  return read;
}

describe('submitting', () => {
  it('sends one input a line, with what names the batch', async () => {
    const client = await clientOf({ status: 202, body: batchView() });
    const options = { model: 'm', requestId: 'r', strict: true, idempotencyKey: 'k', waitSeconds: 3 };
    expect(await client.submit(inputs, options)).toEqual(batchView());
    const [request] = server.requests;
    expect(request).toMatchObject({
      method: 'POST',
      path: '/batches?model=m&request_id=r&strict=true',
      body,
    });
    expect(request?.headers).toMatchObject({
      'content-type': 'application/x-ndjson',
      'idempotency-key': '"k"',
      prefer: 'wait=3',
    });
    expect(request?.headers['content-encoding']).toBeUndefined();
  });

  it('sends gzip when asked to', async () => {
    const client = await clientOf({ status: 202, body: batchView() });
    await client.submit(inputs, { gzip: true });
    expect(server.requests[0]?.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(server.requests[0]?.bytes ?? '').toString()).toBe(body);
  });

  it('sends inputs that are made on the way', async () => {
    const client = await clientOf({ status: 202, body: batchView() });
    let made = 0;
    const many = async function* () {
      for (; made < 20_000; made += 1) yield { x: 'y'.repeat(100) };
    };
    await client.submit(many());
    expect(made).toBe(20_000);
    expect(server.requests[0]?.body.split('\n')).toHaveLength(20_001);
  });

  it('ends the upload when aborted, and lets go of its source', async () => {
    const client = await clientOf({ hangs: true });
    const stop = new AbortController();
    let isReleased = false;
    const endless = async function* () {
      try {
        for (let row = 0; ; row += 1) {
          if (row === 10_000) stop.abort(new Error('enough'));
          yield { x: row };
        }
      } finally {
        isReleased = true;
      }
    };
    await expect(client.submit(endless(), { signal: stop.signal })).rejects.toThrow('enough');
    await until(() => isReleased);
  });

  it('turns a refusal into an error with its members', async () => {
    const errors = [{ pointer: '#/7/x', detail: 'is required' }];
    const client = await clientOf({ status: 422, body: { title: 'no', errors } });
    const error = await client.submit(inputs, { strict: true }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'problem', isPassing: false, problem: { status: 422, errors } });
  });

  it('knows a conflict that passes from one that does not', async () => {
    const client = await clientOf(
      { status: 409, headers: { 'retry-after': '5' }, body: { title: 'uploading' } },
      { status: 409, body: { title: 'ended' } },
    );
    await expect(client.submit(inputs)).rejects.toMatchObject({ isPassing: true });
    await expect(client.submit(inputs)).rejects.toMatchObject({ isPassing: false });
  });
});

describe('following', () => {
  it('waits by long polls until the end', async () => {
    const ended = batchView({ status: 'succeeded' });
    const client = await clientOf({ body: batchView(), headers: { 'retry-after': '0' } }, { body: ended });
    const seen: string[] = [];
    expect(await client.wait('a/b', { onUpdate: ({ status }) => seen.push(status) })).toEqual(ended);
    expect(seen).toEqual(['running']);
    expect(server.requests.map(({ path }) => path)).toEqual(['/batches/a%2Fb', '/batches/a%2Fb']);
    expect(server.requests[0]?.headers['prefer']).toBe('wait=25');
  });

  it('cancels, and lists a page', async () => {
    const page = { batches: [batchView()], next_cursor: null };
    const client = await clientOf({ body: batchView({ status: 'canceled' }) }, { body: page });
    expect((await client.cancel('b')).status).toBe('canceled');
    expect(await client.list({ limit: 5, cursor: 'c' })).toEqual(page);
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'DELETE /batches/b',
      'GET /batches?limit=5&cursor=c',
    ]);
  });
});

describe('results', () => {
  it('come in order until the batch is complete, each once', async () => {
    const client = await clientOf(
      results([{ row: 3, y: 1 }], false),
      { body: batchView() },
      results([], false),
      { body: batchView() },
      results([
        { row: 4, error: { code: 'invalid_input', message: 'no' } },
        { row: 5, y: 2.5 },
      ]),
    );
    const seen: string[] = [];
    const rows = await all(client.results('b', { from: 3, onUpdate: ({ status }) => seen.push(status) }));
    expect(rows).toEqual([
      { row: 3, y: 1 },
      { row: 4, error: { code: 'invalid_input', message: 'no' } },
      { row: 5, y: 2.5 },
    ]);
    const paths = server.requests.map(({ path }) => path).filter((path) => path.includes('results'));
    expect(paths).toEqual([3, 4, 4].map((from) => `/batches/b/results?from=${from}`));
    expect(seen).toEqual(['running', 'running']);
    expect(server.requests[0]?.headers['accept-encoding']).toBe('identity');
  });

  it('are followed where the server gives rows as they end, up to the end of the batch', async () => {
    const followed = (rows: object[]): ScriptedAnswer => {
      const answer = results(rows, false);
      return { ...answer, headers: { ...answer.headers, 'preference-applied': 'wait=5' } };
    };
    const client = await clientOf(
      followed([{ row: 0, y: 1 }]),
      { body: batchView() },
      followed([{ row: 1, y: 2 }]),
      { body: batchView({ status: 'succeeded', rows: { total: 2, succeeded: 2, failed: 0, invalid: 0 } }) },
    );
    expect(await all(client.results('b'))).toHaveLength(2);
    expect(server.requests.map(({ path, headers }) => `${path} ${String(headers['prefer'] ?? '')}`)).toEqual([
      '/batches/b/results?from=0 wait=5',
      '/batches/b ',
      '/batches/b/results?from=1 wait=5',
      '/batches/b ',
    ]);
  });

  it('are compressed when asked for', async () => {
    const client = await clientOf(results([{ row: 0, y: 1 }]));
    await all(client.results('b', { gzip: true }));
    expect(server.requests[0]?.headers['accept-encoding']).toBe('gzip');
  });

  it('go on after the last whole row when the connection breaks', async () => {
    const client = await clientOf(
      {
        ...results([
          { row: 0, y: 1 },
          { row: 1, y: 2 },
        ]),
        breaksAfter: '{"row":0,"y":1}\n{"row":1'.length,
      },
      { status: 503, body: { title: 'away' }, headers: { 'retry-after': '0' } },
      results([{ row: 1, y: 2 }]),
    );
    expect(await all(client.results('b'))).toEqual([
      { row: 0, y: 1 },
      { row: 1, y: 2 },
    ]);
    expect(server.requests.at(-1)?.path).toBe('/batches/b/results?from=1');
  });

  it('give up when the server stays away for too long, and at once on what does not pass', async () => {
    const client = await clientOf({ breaks: true }, { status: 410, body: { title: 'gone' } });
    await expect(all(client.results('b', { outageMs: 0 }))).rejects.toBeInstanceOf(UnreachableError);
    await expect(all(client.results('b'))).rejects.toBeInstanceOf(ProblemError);
    expect(server.requests).toHaveLength(2);
  });

  it.each([
    ['a row out of order', results([{ row: 1, y: 1 }])],
    ['a line that is no row', { ...results([]), body: '{"y":1}\n' }],
    ['a line that is no JSON', { ...results([]), body: 'row 0\n' }],
    ['half a row at a clean end', { ...results([]), body: '{"row":0' }],
    ['no word on whether it is complete', { body: '{"row":0}\n' }],
  ])('do not pass off %s', async (_, answer) => {
    const client = await clientOf(answer);
    await expect(all(client.results('b'))).rejects.toBeInstanceOf(UnexpectedAnswerError);
  });

  it('stop at once when aborted', async () => {
    const client = await clientOf(results([{ row: 0, y: 1 }], false), { hangs: true });
    const leaving = new AbortController();
    const read: BatchRow[] = [];
    const reading = async (): Promise<void> => {
      for await (const row of client.results('b', { signal: leaving.signal })) {
        read.push(row);
      }
    };
    void until(() => server.requests.length === 2).then(() => leaving.abort(new Error('enough')));
    await expect(reading()).rejects.toThrow('enough');
    expect(read).toEqual([{ row: 0, y: 1 }]);
  });

  it('end the answer when nobody wants the rest', async () => {
    const rows = Array.from({ length: 200_000 }, (_, row) => ({ row, y: row }));
    const client = await clientOf(results(rows));
    for await (const row of client.results('b')) if (row.row === 3) break;
    expect(server.requests).toHaveLength(1);
  });
});
