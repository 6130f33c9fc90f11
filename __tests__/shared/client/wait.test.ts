import { WaggleClient } from '../../../shared/client/client.js';
import { ProblemError, UnreachableError } from '../../../shared/client/errors.js';
import { type AnswerServer, type ScriptedAnswer, startAnswers } from '../../support/answer-server.js';
import { jobView } from '../../support/job-view.js';

const running = jobView({ status: 'running' });
const succeeded = jobView({ status: 'succeeded', result: { y: 1 } });

let server: AnswerServer;
afterEach(() => server.close());

async function clientOf(...answers: ScriptedAnswer[]): Promise<WaggleClient> {
  server = await startAnswers(answers);
  return new WaggleClient({ url: server.url });
}

describe('waiting for a job', () => {
  it('asks the server to hold its answer', async () => {
    const client = await clientOf({ body: succeeded });
    expect(await client.wait('a')).toEqual(succeeded);
    expect(server.requests[0]?.headers['prefer']).toBe('wait=25');
  });

  it('polls at the pace of Retry-After when answers are not held', async () => {
    const client = await clientOf(
      { body: running, headers: { 'retry-after': '1' } },
      { body: jobView({ status: 'failed', error: { code: 'timeout', message: 'too slow' } }) },
    );
    const seen: string[] = [];
    const started = Date.now();
    const job = await client.wait('a', { onUpdate: ({ status }) => seen.push(status) });
    expect(job.status).toBe('failed');
    expect(seen).toEqual(['running']);
    expect(Date.now() - started).toBeGreaterThanOrEqual(990);
  });

  it('asks again at once after an answer that was held', async () => {
    const client = await clientOf(
      { body: running, afterMs: 600, headers: { 'retry-after': '30' } },
      { body: succeeded },
    );
    const started = Date.now();
    const job = await client.wait('a', { longPollSeconds: 1 });
    expect(job.status).toBe('succeeded');
    expect(Date.now() - started).toBeLessThan(10_000);
  });

  it('outlasts a server that is away or cannot now', async () => {
    const client = await clientOf(
      { breaks: true },
      { status: 503, body: { title: 'Redis is away' }, headers: { 'retry-after': '0' } },
      { body: succeeded },
    );
    expect((await client.wait('a')).status).toBe('succeeded');
    expect(server.requests).toHaveLength(3);
  });

  it('takes no time that a limit asks for as a part of an outage', async () => {
    const limited = { status: 429, body: { title: 'Too many' }, headers: { 'retry-after': '0' } };
    const client = await clientOf(limited, limited, limited, { body: succeeded });
    const waits: number[] = [];
    await client.wait('a', { outageMs: 150, onWait: (waitMs) => waits.push(waitMs) });
    expect(waits).toEqual([100, 100, 100]);
  });

  it('gives up once the outage is longer than allowed', async () => {
    const client = await clientOf({ breaks: true });
    await expect(client.wait('a', { outageMs: 0 })).rejects.toBeInstanceOf(UnreachableError);
    expect(server.requests).toHaveLength(1);
  });

  it('does not repeat what will not change', async () => {
    const client = await clientOf({ status: 410, body: { title: 'Gone' } });
    await expect(client.wait('a')).rejects.toBeInstanceOf(ProblemError);
    expect(server.requests).toHaveLength(1);
  });

  it('stops at once when aborted, between polls and within one', async () => {
    const client = await clientOf({ body: running, headers: { 'retry-after': '60' } }, { hangs: true });
    const between = new AbortController();
    const waiting = client.wait('a', {
      signal: between.signal,
      onUpdate: () => setImmediate(() => between.abort(new Error('enough'))),
    });
    await expect(waiting).rejects.toThrow('enough');
    await expect(client.wait('a', { signal: AbortSignal.timeout(30) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
  });
});
