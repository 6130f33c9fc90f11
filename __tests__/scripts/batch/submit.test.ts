import type { BatchRow } from '../../../shared/contract/batch.js';
import { WaggleClient } from '../../../shared/client/client.js';
import type { Part } from '../../../scripts/batch/part.js';
import { RowTexts } from '../../../scripts/batch/row-texts.js';
import { submitBatches } from '../../../scripts/batch/submit-batches.js';
import { jobsTogether, submitJobs } from '../../../scripts/batch/submit-jobs.js';
import type { SubmittedPart } from '../../../scripts/batch/submitted-part.js';
import { type AnswerServer, type ScriptedAnswer, startAnswers } from '../../support/answer-server.js';
import { batchView } from '../../support/batch-view.js';
import { jobView } from '../../support/job-view.js';

let server: AnswerServer;
afterEach(() => server.close());

async function clientOf(...answers: ScriptedAnswer[]): Promise<WaggleClient> {
  server = await startAnswers(answers);
  return new WaggleClient({ url: server.url });
}

/** Rows 20 and 21 of a file. */
function part(problems: Part['problems'] = new Map()): Part {
  const inputs = new RowTexts();
  for (const x of [1, 2]) inputs.add(JSON.stringify({ x }));
  return { firstRow: 20, inputs, pages: [], problems, actual: undefined };
}

async function* one(only: Part): AsyncGenerator<Part, void, undefined> {
  yield only;
}

async function outcomesOf(submitted: AsyncIterable<SubmittedPart>, from = 0): Promise<BatchRow[]> {
  const rows: BatchRow[] = [];
  for await (const { outcomes } of submitted) {
    for await (const page of outcomes(from)) rows.push(...page);
  }
  return rows;
}

const options = { model: 'm', runId: 'run', signal: new AbortController().signal, outageMs: 5_000 };
const away: ScriptedAnswer = { status: 503, body: { title: 'away' }, headers: { 'retry-after': '0' } };
const notFound = (what: string): ScriptedAnswer => ({
  status: 404,
  body: { title: 'none', type: `/problems/${what}-not-found` },
});
const results = (...rows: BatchRow[]): ScriptedAnswer => ({
  headers: { 'batch-complete': 'true' },
  body: rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
});
const calls = (): string[] => server.requests.map(({ method, path }) => `${method} ${path}`);

describe('a part as a batch', () => {
  const submit = (client: WaggleClient, batches: string[] = []) =>
    submitBatches(client.batches, one(part()), {
      ...options,
      gzip: false,
      onBatch: ({ id }) => void batches.push(id),
    });

  it('is not sent again where it has more rows than the limit ever lets through', async () => {
    const body = { type: '/problems/batch-over-rate-limit', title: 'too many rows' };
    const client = await clientOf({ status: 429, body, headers: { 'retry-after': '0' } });
    await expect(outcomesOf(submit(client, []), 1)).rejects.toThrow('too many rows');
    expect(server.requests).toHaveLength(1);
  });

  it('is sent again under the same name until it is there', async () => {
    const client = await clientOf(
      { breaks: true },
      away,
      { status: 409, body: { title: 'uploading' }, headers: { 'retry-after': '0' } },
      { status: 202, body: batchView({ id: 'b' }) },
      results({ row: 1, y: 5 }),
    );
    const batches: string[] = [];
    expect(await outcomesOf(submit(client, batches), 1)).toEqual([{ row: 1, y: 5 }]);
    expect(batches).toEqual(['b']);
    const uploads = server.requests.filter(({ method }) => method === 'POST');
    expect(uploads).toHaveLength(4);
    for (const { path, body, headers } of uploads) {
      expect([path, body, headers['idempotency-key']]).toEqual([
        '/batches?model=m',
        '{"x":1}\n{"x":2}\n',
        '"run-20"',
      ]);
    }
    expect(calls().at(-1)).toBe('GET /batches/b/results?from=1');
  });

  it('is submitted again when the server has forgotten it, and read from where it was', async () => {
    const client = await clientOf(
      { status: 202, body: batchView({ id: 'b' }) },
      { headers: { 'batch-complete': 'false' }, body: '{"row":0,"y":1}\n' },
      notFound('batch'),
      { status: 202, body: batchView({ id: 'c' }) },
      results({ row: 1, y: 2 }),
    );
    expect(await outcomesOf(submit(client))).toEqual([
      { row: 0, y: 1 },
      { row: 1, y: 2 },
    ]);
    expect(calls().at(-1)).toBe('GET /batches/c/results?from=1');
  });

  it('must come back with all of its rows', async () => {
    const client = await clientOf({ status: 202, body: batchView({ id: 'b' }) }, results({ row: 0, y: 1 }));
    await expect(outcomesOf(submit(client))).rejects.toThrow('1 rows where 2 were sent');
  });

  it('ends the run when it is refused for good', async () => {
    const client = await clientOf(notFound('model'));
    await expect(outcomesOf(submit(client))).rejects.toThrow('404 none');
    expect(calls()).toHaveLength(1);
  });
});

describe('rows as jobs', () => {
  const submit = (client: WaggleClient, only = part(), concurrency = 1) =>
    submitJobs(client, one(only), { ...options, concurrency, together: jobsTogether(concurrency) });

  it('wait for their answer, then poll as the server says', async () => {
    const client = await clientOf(
      { body: jobView({ status: 'succeeded', result: { y: 1 } }) },
      { status: 202, body: jobView({ id: 'slow' }) },
      { body: jobView({ id: 'slow', status: 'running' }), headers: { 'retry-after': '0' } },
      { body: jobView({ id: 'slow', status: 'failed', error: { code: 'timeout', message: 'slow' } }) },
    );
    expect(await outcomesOf(submit(client))).toEqual([
      { row: 0, y: 1 },
      { row: 1, error: { code: 'timeout', message: 'slow' } },
    ]);
    expect(calls()).toEqual(['POST /jobs', 'POST /jobs', 'GET /jobs/slow', 'GET /jobs/slow']);
    expect(server.requests[0]).toMatchObject({
      body: '{"input":{"x":1},"model":"m"}',
      headers: { prefer: 'wait=30', 'idempotency-key': '"run-20"' },
    });
    expect(server.requests[1]?.headers['idempotency-key']).toBe('"run-21"');
  });

  it('are repeated under the same name while the server cannot take them, or has lost them', async () => {
    const client = await clientOf(
      away,
      { status: 429, body: { title: 'slower' }, headers: { 'retry-after': '0' } },
      { status: 202, body: jobView({ id: 'lost' }) },
      notFound('job'),
      { body: jobView({ status: 'succeeded', result: { y: 1 } }) },
    );
    expect(await outcomesOf(submit(client))).toHaveLength(2);
    const keys = server.requests
      .filter(({ method }) => method === 'POST')
      .map(({ headers }) => headers['idempotency-key']);
    expect(keys).toEqual(['"run-20"', '"run-20"', '"run-20"', '"run-20"', '"run-21"']);
  });

  it('fail alone when their input is refused, with pointers as in a batch', async () => {
    const client = await clientOf(
      { status: 422, body: { title: 'no', errors: [{ pointer: '#/input/x', detail: 'must be >= 2' }] } },
      { body: jobView({ status: 'canceled' }) },
    );
    const [refused, canceled] = await outcomesOf(submit(client));
    expect(refused?.error).toEqual({
      code: 'invalid_input',
      message: 'the row breaks rules',
      errors: [{ pointer: '#/x', detail: 'must be >= 2' }],
    });
    expect(canceled?.error?.code).toBe('canceled');
  });

  it('are not submitted when they cannot be, nor when an earlier run has them', async () => {
    const client = await clientOf({ body: jobView({ status: 'succeeded', result: { y: 1 } }) });
    const problem = { code: 'invalid_input', message: 'the row is not JSON' };
    expect(await outcomesOf(submit(client, part(new Map([[0, problem]]))), 1)).toEqual([{ row: 1, y: 1 }]);
    expect(calls()).toHaveLength(1);
  });

  describe('together', () => {
    const many = (jobs: unknown[], status = 200): ScriptedAnswer => ({ status, body: { jobs } });
    const done = (y: number) => jobView({ status: 'succeeded', result: { y } });
    const problem = (status: number, type: string, more: object = {}) => ({
      status,
      title: 'no',
      type: `/problems/${type}`,
      ...more,
    });

    it('have an outcome each, in order, and are followed or submitted again by themselves', async () => {
      const client = await clientOf(
        away,
        many([jobView({ id: 'slow' }), problem(503, 'model-not-served')], 202),
        { body: done(2) },
        { body: done(1) },
      );
      const outcomes = await outcomesOf(submit(client, part(), 4));
      expect(outcomes.map(({ row }) => row)).toEqual([0, 1]);
      expect(new Set(outcomes.map(({ y }) => y))).toEqual(new Set([1, 2]));
      const [refused, taken, ...rest] = server.requests;
      expect(refused?.headers['idempotency-key']).toBe('"run-20-2"');
      expect(taken).toMatchObject({
        path: '/jobs',
        body: '{"jobs":[{"input":{"x":1},"model":"m"},{"input":{"x":2},"model":"m"}]}',
        headers: { prefer: 'wait=30', 'idempotency-key': '"run-20-2"' },
      });
      expect(rest.map(({ method, path, body }) => `${method} ${path} ${body}`).toSorted()).toEqual([
        'GET /jobs/slow ',
        'POST /jobs {"input":{"x":2},"model":"m"}',
      ]);
    });

    it('go together as they did before, with another number of them at a time', async () => {
      const client = await clientOf(many([done(1), done(2)]));
      const submitted = submitJobs(client, one(part()), { ...options, concurrency: 1, together: 2 });
      expect(await outcomesOf(submitted)).toHaveLength(2);
      expect(server.requests.map(({ headers }) => headers['idempotency-key'])).toEqual(['"run-20-2"']);
    });

    it('fail alone when the input of one is refused', async () => {
      const errors = [{ pointer: '#/input/x', detail: 'must be >= 2' }];
      const client = await clientOf(many([problem(422, 'validation-failed', { errors }), done(2)]));
      expect(await outcomesOf(submit(client, part(), 4))).toEqual([
        {
          row: 0,
          error: {
            code: 'invalid_input',
            message: 'the row breaks rules',
            errors: [{ pointer: '#/x', detail: 'must be >= 2' }],
          },
        },
        { row: 1, y: 2 },
      ]);
    });

    it.each([
      [422, 'validation-failed'],
      [429, 'batch-over-rate-limit'],
      [503, 'queue-full'],
    ])('go one by one where the server answers %d %s to all', async (status, type) => {
      const client = await clientOf(
        { status, body: problem(status, type) },
        { body: done(7) },
        { body: done(7) },
      );
      expect(await outcomesOf(submit(client, part(), 4))).toEqual([
        { row: 0, y: 7 },
        { row: 1, y: 7 },
      ]);
      expect(server.requests).toHaveLength(3);
    });

    it('end the run when one is refused for good', async () => {
      const client = await clientOf(many([problem(403, 'lane-not-allowed'), done(2)]));
      await expect(outcomesOf(submit(client, part(), 4))).rejects.toThrow('403 no');
    });
  });

  it('stop together when one of them cannot go on', async () => {
    const client = await clientOf({ status: 401, body: { title: 'who are you?' } });
    await expect(outcomesOf(submit(client))).rejects.toThrow('who are you?');
    expect(calls()).toHaveLength(1);
  });
});
