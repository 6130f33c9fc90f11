import { WaggleClient } from '../../../shared/client/client.js';
import { ProblemError, UnexpectedAnswerError, UnreachableError } from '../../../shared/client/errors.js';
import { type AnswerServer, type ScriptedAnswer, startAnswers } from '../../support/answer-server.js';
import { jobView } from '../../support/job-view.js';

let server: AnswerServer;
afterEach(() => server.close());

async function clientOf(...answers: ScriptedAnswer[]): Promise<WaggleClient> {
  server = await startAnswers(answers);
  return new WaggleClient({ url: server.url });
}

describe('WaggleClient', () => {
  it('submits an input with its wait, key and idempotency key', async () => {
    server = await startAnswers([{ status: 202, body: jobView() }]);
    const client = new WaggleClient({ url: `${server.url}/`, key: 'secret' });
    const job = await client.submit({ input: { x: 1 } }, { waitSeconds: 2.7, idempotencyKey: 'abc' });
    expect(job).toEqual(jobView());
    const [request] = server.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/jobs', body: '{"input":{"x":1}}' });
    expect(request?.headers).toMatchObject({
      authorization: 'Bearer secret',
      prefer: 'wait=2',
      'idempotency-key': '"abc"',
      'content-type': 'application/json',
    });
  });

  it('submits many, and reads the job or the problem of each', async () => {
    const problem = {
      type: '/problems/validation-failed',
      title: 'no',
      status: 422,
      errors: [{ detail: 'x' }],
    };
    const client = await clientOf(
      { status: 202, body: { jobs: [jobView(), problem] } },
      { status: 202, body: { jobs: [jobView()] } },
    );
    const requests = [{ input: { x: 1 } }, { input: {} }];
    const [job, refused] = await client.submitMany(requests, { waitSeconds: 1, idempotencyKey: 'k' });
    expect(job).toEqual(jobView());
    expect(refused).toBeInstanceOf(ProblemError);
    expect(refused).toMatchObject({ problem: { ...problem, errors: [] } });
    expect(server.requests[0]).toMatchObject({
      body: '{"jobs":[{"input":{"x":1}},{"input":{}}]}',
      headers: { prefer: 'wait=1', 'idempotency-key': '"k"' },
    });
    await expect(client.submitMany(requests)).rejects.toThrow(UnexpectedAnswerError);
  });

  it('asks for no wait unless told to', async () => {
    const client = await clientOf({ status: 202, body: jobView() });
    await client.submit({ input: {} });
    expect(server.requests[0]?.headers['prefer']).toBeUndefined();
  });

  it('gets and cancels by id', async () => {
    const client = await clientOf({ body: jobView() }, { body: jobView({ status: 'canceled' }) });
    expect((await client.get('a/b')).status).toBe('queued');
    expect((await client.cancel('a/b')).status).toBe('canceled');
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /jobs/a%2Fb',
      'DELETE /jobs/a%2Fb',
    ]);
  });

  it('replays by id, under a key when it is given one', async () => {
    const client = await clientOf({ status: 202, body: jobView({ replay_of: 'a/b' }) });
    expect((await client.replay('a/b', { idempotencyKey: 'k' })).replay_of).toBe('a/b');
    const [request] = server.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/jobs/a%2Fb/replay', body: '' });
    expect(request?.headers['idempotency-key']).toBe('"k"');
  });

  it('lists a page', async () => {
    const page = { jobs: [jobView()], next_cursor: 'more' };
    const client = await clientOf({ body: page });
    expect(
      await client.list({
        status: ['failed', 'expired'],
        model: 'm',
        requestId: 'r&r',
        limit: 5,
        cursor: 'c',
      }),
    ).toEqual(page);
    expect(server.requests[0]?.path).toBe(
      '/jobs?status=failed&status=expired&model=m&request_id=r%26r&limit=5&cursor=c',
    );
  });

  it('lists models and gets one', async () => {
    const model = { name: 'm', version: '1.0.0', input: {}, outputs: [{ member: 'y', unit: 'minutes' }] };
    const client = await clientOf({ body: { models: [model] } }, { body: model });
    expect(await client.models()).toEqual([model]);
    expect(await client.model('m')).toEqual(model);
  });

  it('turns a problem into an error with its members', async () => {
    const errors = [{ pointer: '#/input/x', detail: 'must be >= 0' }];
    const client = await clientOf({
      status: 422,
      headers: { 'retry-after': '3' },
      body: { type: 'about:blank', title: 'Unprocessable Content', status: 422, detail: 'bad input', errors },
    });
    const error = await client.submit({ input: { x: -1 } }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({
      code: 'problem',
      isPassing: false,
      problem: { status: 422, detail: 'bad input', errors, retryAfterMs: 3000 },
    });
    expect(String(error)).toContain('#/input/x must be >= 0');
  });

  it('copes with an error that is no problem document', async () => {
    const client = await clientOf({ status: 502, body: '<html>Bad gateway</html>' });
    await expect(client.get('a')).rejects.toMatchObject({
      isPassing: true,
      problem: { status: 502, type: 'about:blank', title: 'Bad Gateway', errors: [] },
    });
  });

  it('says so when something else answers', async () => {
    const client = await clientOf({ body: '<html>hello</html>' }, { body: { jobs: 'none' } });
    await expect(client.get('a')).rejects.toBeInstanceOf(UnexpectedAnswerError);
    await expect(client.list()).rejects.toThrow('is this the address of a Waggle API?');
  });

  it('says so when nobody answers, or the connection breaks', async () => {
    const client = await clientOf({ breaks: true });
    await expect(client.get('a')).rejects.toBeInstanceOf(UnreachableError);
    await server.close();
    await expect(client.get('a')).rejects.toThrow(`no answer from ${server.url}`);
  });

  it('gives the signal its reason', async () => {
    const client = await clientOf({ hangs: true });
    const stop = new AbortController();
    const asked = client.submit({ input: {} }, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    await expect(client.get('a', { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
  });
});
