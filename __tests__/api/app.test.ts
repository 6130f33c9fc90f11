import request from 'supertest';
import { createApp } from '../../api/app.js';
import type { Logger, LogFields } from '../../shared/log/logger.js';
import { TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { until } from '../support/latch.js';

const lines: { level: string; message: string; fields: LogFields }[] = [];
const write =
  (level: string) =>
  (message: string, fields: LogFields = {}): void =>
    void lines.push({ level, message, fields });
const log: Logger = {
  error: write('error'),
  warn: write('warn'),
  info: write('info'),
  debug: () => undefined,
  isEnabled: (level) => level !== 'debug',
};

const api = useApiRig({ log });
beforeEach(() => {
  lines.length = 0;
});

const theLine = () => until(() => lines.find(({ message }) => message === 'request'));

it('works without a port of its own', async () => {
  const response = await request(createApp(api.ctx)).post('/jobs').send({ input: TRIP });
  expect(response.status).toBe(202);
});

it('writes one line a request, with ids, route, status and time', async () => {
  const { body } = await api.submit({ input: TRIP }, { 'X-Request-Id': 'mine' });
  await until(() => lines.some(({ fields }) => fields['request_id'] === 'mine'));
  const mine = lines.filter(({ fields }) => fields['request_id'] === 'mine');
  expect(mine).toEqual([
    {
      level: 'info',
      message: 'request',
      fields: {
        request_id: 'mine',
        method: 'POST',
        route: '/jobs',
        status: 202,
        ms: expect.any(Number),
        job_id: body.id,
      },
    },
  ]);
});

it('logs no body, no query and no credentials', async () => {
  await request(api.url)
    .get('/jobs?request_id=hush')
    .set('Authorization', 'Bearer hush')
    .set('Cookie', 'hush=hush');
  await theLine();
  expect(JSON.stringify(lines)).not.toContain('hush');
});

it('tells the client nothing of what nobody foresaw, and the log everything', async () => {
  const broken = { ...api.ctx, partitions: Object.create(null) };
  const response = await request(createApp(broken)).get('/jobs/019ac1f2-7c1e-7d63-9a55-0f6c1b1d2e3f');
  expect(response.status).toBe(500);
  expect(response.body).toEqual({
    type: '/problems/internal-error',
    title: 'Something went wrong here',
    status: 500,
  });
  expect(lines.find(({ level }) => level === 'error')?.fields['error']).toMatch(/TypeError.*\n\s+at /);
});

it('says when a client left before its answer', async () => {
  const { body } = await api.submit({ input: TRIP });
  lines.length = 0;
  const leaving = new AbortController();
  const waiting = fetch(`${api.url}/jobs/${body.id}`, {
    headers: { Prefer: 'wait=30' },
    signal: leaving.signal,
  });
  await until(() => api.ctx.waiters.size > 0);
  leaving.abort();
  await waiting.catch(() => undefined);
  expect((await theLine()).fields).toMatchObject({ job_id: body.id, client: 'left before the answer' });
});

it('survives a client that leaves in the middle of its body', async () => {
  const leaving = new AbortController();
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from('{"input":'));
    },
  });
  const init: RequestInit & { duplex: 'half' } = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body,
    duplex: 'half',
    signal: leaving.signal,
  };
  const sending = fetch(`${api.url}/jobs`, init).catch(() => undefined);
  await new Promise((resolve) => setImmediate(resolve));
  leaving.abort();
  await sending;
  expect((await api.call('get', '/health')).status).toBe(200);
});
