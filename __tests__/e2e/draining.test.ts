import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { RecordScripts } from '../../shared/records/records.js';
import { storeBadRows } from '../support/bad-rows.js';
import { until } from '../support/latch.js';
import { type Program, startProgram } from '../support/program.js';
import { testPrefix } from '../support/redis.js';
import { useRedis } from '../support/rigs/use-redis.js';

const MODEL = 'trip-duration-linear';
const ROW = '{"PULocationID":130,"DOLocationID":205,"trip_distance":3}\n';
const NDJSON = { 'content-type': 'application/x-ndjson' };

const redis = useRedis();
let api: Program;
let port: number;
let keyPrefix: string;
beforeEach(async () => {
  keyPrefix = testPrefix();
  api = startProgram('api', {
    PORT: '0',
    REDIS_URL: redis.url,
    KEY_PREFIX: keyPrefix,
    DEFAULT_MODEL: MODEL,
    CHUNK_ROWS: '64',
  });
  port = await api.ready();
});
afterEach(async () => {
  api.signal('SIGKILL');
  await api.ended;
});

const url = (path: string): string => `http://127.0.0.1:${port}${path}`;
const post = (path: string, body: string, headers: Record<string, string>): Promise<Response> =>
  fetch(url(path), { method: 'POST', headers: { connection: 'close', ...headers }, body });
/** On a fresh connection, as probes and new clients come. */
const get = (path: string): Promise<Response> => fetch(url(path), { headers: { connection: 'close' } });

/** An upload of which the beginning is sent, and has arrived. */
async function beginUpload() {
  const sending = request({ host: '127.0.0.1', port, method: 'POST', path: '/batches', headers: NDJSON });
  const answered = once(sending, 'response').catch(() => undefined);
  sending.write(ROW.repeat(64));
  await until(async () => {
    const { batches } = (await (await get('/batches')).json()) as { batches: { rows: { total: number } }[] };
    return batches.some(({ rows }) => rows.total === 64);
  });
  return { sending, answered };
}

/** A connection that has been used and is kept open. */
async function keptOpen(): Promise<{ socket: Socket; ask(): Promise<string> }> {
  const socket = connect(port, '127.0.0.1');
  const ask = async (): Promise<string> => {
    socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString();
  };
  expect(await ask()).not.toContain('Connection: close');
  return { socket, ask };
}

it('turns submissions away at once on SIGTERM, goes on answering, finishes what it holds, and ends with 0', async () => {
  const { id } = (await (
    await post('/jobs', `{"input":${ROW}}`, { 'content-type': 'application/json' })
  ).json()) as {
    id: string;
  };
  const chunks = { chunks: 30, chunkRows: 1_000 };
  const bad = await storeBadRows(new RecordScripts(await redis.connect(), keyPrefix), MODEL, chunks);
  const results = await get(`/batches/${bad}/results`);
  const upload = await beginUpload();
  const idle = await keptOpen();

  api.signal('SIGTERM');
  await until(() => api.log.some(({ message }) => message === 'stopping'));
  const ready = await get('/health/ready');
  expect([ready.status, ready.headers.get('connection')]).toEqual([503, 'close']);
  expect(await ready.json()).toMatchObject({ checks: { accepting: { ok: false }, redis: { ok: true } } });
  for (const [path, body, headers] of [
    ['/jobs', `{"input":${ROW}}`, { 'content-type': 'application/json' }],
    ['/batches', ROW, NDJSON],
  ] as const) {
    const refused = await post(path, body, headers);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await refused.json()).toMatchObject({ type: '/problems/draining' });
  }
  expect(await (await get(`/jobs/${id}`)).json()).toMatchObject({ id, status: 'queued' });
  expect(await idle.ask()).toMatch(/\r\nConnection: close\r\n/);
  await once(idle.socket, 'close');
  await until(
    () =>
      get('/health/live').then(
        () => false,
        () => true,
      ),
    { what: 'the end of listening' },
  );

  upload.sending.end(ROW);
  const [answer] = (await upload.answered) ?? [];
  expect(answer?.statusCode).toBe(202);
  expect((await results.text()).trimEnd().split('\n')).toHaveLength(30_000);
  expect(await api.ended).toBe(0);
  expect(api.log.at(-1)).toMatchObject({ message: 'stopped', requests_cut_off: 0 });
});

it('ends at once, with 1, when it is told a second time', async () => {
  const { sending, answered } = await beginUpload();
  sending.on('error', () => undefined);
  api.signal('SIGTERM');
  await until(() => api.log.some(({ message }) => message === 'stopping'));
  api.signal('SIGINT');
  expect(await api.ended).toBe(1);
  expect(await answered).toBeUndefined();
});
