import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Collector, SPAN_KIND, type SeenSpan, startCollector } from '../support/collector.js';
import { until } from '../support/latch.js';
import { type Program, startProgram } from '../support/program.js';
import { testPrefix } from '../support/redis.js';
import { useRedis } from '../support/rigs/use-redis.js';

const MODEL = 'trip-duration-linear';
const EXAMPLE = { PULocationID: 130, DOLocationID: 205, trip_distance: 3 };
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const CALLER_SPAN = 'b7ad6b7169203331';

interface Pair {
  api: Program;
  worker: Program;
  url: string;
  /** What each of the two has loaded; to be asked for when they have ended. */
  loaded(): string[][];
}

let collector: Collector;
let watched: Pair;
let unwatched: Pair;
const dirs: string[] = [];

afterAll(async () => {
  await Promise.all([watched, unwatched].flatMap(({ api, worker }) => [api.stop(), worker.stop()]));
  await collector.close();
  for (const dir of dirs) rmSync(dir, { recursive: true });
});
const server = useRedis();
beforeAll(async () => {
  collector = await startCollector();
  const tracing = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_BSP_SCHEDULE_DELAY: '1' };
  [watched, unwatched] = await Promise.all([
    startPair({ LOG_LEVEL: 'debug', CHUNK_ROWS: '2', ...tracing }),
    startPair(),
  ]);
});

async function startPair(env: Record<string, string> = {}): Promise<Pair> {
  const dir = mkdtempSync(join(tmpdir(), 'waggle-loaded-'));
  dirs.push(dir);
  const all = {
    REDIS_URL: server.url,
    KEY_PREFIX: testPrefix(),
    MODELS: MODEL,
    DEFAULT_MODEL: MODEL,
    LOADED_MODULES_DIR: dir,
    ...env,
  };
  const preload = { execArgv: ['--require', resolve(__dirname, '../fixtures/loaded-modules.cjs')] };
  const api = startProgram('api', all, preload);
  const worker = startProgram('worker', all, preload);
  const [port] = await Promise.all([api.ready(), worker.ready()]);
  const files = new Set([api, worker].map(({ pid }) => `${pid}.json`));
  return {
    api,
    worker,
    url: `http://127.0.0.1:${port}`,
    loaded: () =>
      readdirSync(dir)
        .filter((file) => files.has(file))
        .map((file) => JSON.parse(readFileSync(join(dir, file), 'utf8')) as string[]),
  };
}

async function post(path: string, body: string, headers: Record<string, string> = {}) {
  const response = await fetch(watched.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  return { status: response.status, body: (await response.json()) as { id: string; status: string } };
}

const submit = (headers: Record<string, string> = {}) =>
  post('/jobs', JSON.stringify({ input: EXAMPLE }), { prefer: 'wait=20', ...headers });

/** The lines of both processes that carry a value, in their order. */
const said = (program: Program, member: string, value: string): Record<string, unknown>[] =>
  program.log.filter((line) => line[member] === value);
const messages = (lines: readonly Record<string, unknown>[]): unknown[] =>
  lines.map(({ message }) => message);

/** A trace, once so many of its spans have come. */
const traceOf = (traceId: string, size: number): Promise<SeenSpan[]> =>
  until(
    () => {
      const spans = collector.spans().filter((span) => span.traceId === traceId);
      return spans.length >= size && spans;
    },
    { what: `${size} spans of trace ${traceId}` },
  );
const shapeOf = (spans: readonly SeenSpan[]) =>
  spans
    .map(({ service, name, parentId }) => {
      const parent = spans.find(({ spanId }) => spanId === parentId)?.name ?? parentId;
      return `${service} ${name} < ${parent}`;
    })
    .toSorted();

const shapeBelow = (parent: string): string[] => [
  'waggle-api POST /jobs < ' + parent,
  'waggle-worker predict < run trip-duration-linear',
  'waggle-worker prepare < run trip-duration-linear',
  'waggle-worker process trip-duration-linear < POST /jobs',
  'waggle-worker run trip-duration-linear < process trip-duration-linear',
];

it("is one trace from the caller's request through the queue to the model", async () => {
  const { body } = await submit({ traceparent: `00-${TRACE_ID}-${CALLER_SPAN}-01` });
  const spans = await traceOf(TRACE_ID, 5);
  expect(shapeOf(spans)).toEqual(shapeBelow(CALLER_SPAN));
  expect(spans.find(({ kind }) => kind === SPAN_KIND.server)?.attributes).toMatchObject({
    'http.request.method': 'POST',
    'http.route': '/jobs',
    'http.response.status_code': 200,
    'waggle.job_id': body.id,
  });
  expect(spans.find(({ kind }) => kind === SPAN_KIND.consumer)?.attributes).toMatchObject({
    'waggle.job_id': body.id,
    'waggle.outcome': 'succeeded',
  });
});

it('begins a trace where the caller has none, and keeps out of one that is not sampled', async () => {
  await submit({ traceparent: `00-${'f'.repeat(32)}-${CALLER_SPAN}-00` });
  const { body } = await submit();
  const request = await until(() =>
    collector
      .spans()
      .find((span) => span.kind === SPAN_KIND.server && span.attributes['waggle.job_id'] === body.id),
  );
  expect(shapeOf(await traceOf(request.traceId, 5))).toEqual(shapeBelow(''));
  // Everything that the request before it would have sent was ended, and would have been sent, before this.
  expect(collector.spans().some(({ traceId }) => traceId === 'f'.repeat(32))).toBe(false);
});

it('lets a batch lead to its chunks, by trace and by log', async () => {
  const rows = Array.from({ length: 4 }, () => `${JSON.stringify(EXAMPLE)}\n`).join('');
  const { body } = await post('/batches?request_id=four', rows, {
    'content-type': 'application/x-ndjson',
    prefer: 'wait=20',
    'x-request-id': 'upload-4',
  });
  expect(body.status).toBe('succeeded');
  const upload = await until(() =>
    collector
      .spans()
      .find(
        ({ attributes }) =>
          attributes['waggle.batch_id'] === body.id && attributes['http.route'] === '/batches',
      ),
  );
  const spans = await traceOf(upload.traceId, 5);
  const chunks = spans.filter(({ kind }) => kind === SPAN_KIND.consumer);
  expect(chunks.map(({ parentId }) => parentId)).toEqual([upload.spanId, upload.spanId]);
  for (const chunk of chunks) {
    expect(chunk.attributes).toMatchObject({
      'waggle.batch_id': body.id,
      'waggle.request_id': 'four',
      'waggle.outcome': 'succeeded',
      'waggle.rows': 2,
    });
    expect(spans.filter(({ parentId }) => parentId === chunk.spanId).map(({ name }) => name)).toEqual([
      'run trip-duration-linear',
    ]);
  }
  for (const number of [0, 1]) {
    const lines = await until(() => {
      const found = said(watched.worker, 'job_id', `${body.id}:${number}`);
      return found.length === 2 && found;
    });
    expect(messages(lines)).toEqual(['job claimed', 'job succeeded']);
    for (const line of lines) expect(line).toMatchObject({ batch_id: body.id, request_id: 'four' });
  }
  const onApi = await until(() => {
    const lines = said(watched.api, 'batch_id', body.id);
    return lines.length === 2 && lines;
  });
  expect(messages(onApi)).toEqual(['batch accepted', 'request']);
  for (const line of onApi) expect(line).toMatchObject({ request_id: 'upload-4' });
});

it('writes a line for every step of a job on both sides of the queue, under its id', async () => {
  const { body } = await submit({ 'x-request-id': 'one-of-mine' });
  const onApi = await until(() => {
    const lines = said(watched.api, 'job_id', body.id);
    return lines.length === 2 && lines;
  });
  expect(messages(onApi)).toEqual(['job accepted', 'request']);
  for (const line of onApi) expect(line).toMatchObject({ request_id: 'one-of-mine' });
  const onWorker = await until(() => {
    const lines = said(watched.worker, 'job_id', body.id);
    return lines.length === 2 && lines;
  });
  expect(onWorker).toMatchObject([
    { level: 'debug', message: 'job claimed', attempt: 1, waited_ms: expect.any(Number) },
    { level: 'debug', message: 'job succeeded', outcome: 'succeeded' },
  ]);
  // Both name the same trace.
  const traceIdIn = (line?: Record<string, unknown>) => String(line?.['traceparent']).split('-')[1];
  expect(traceIdIn(onApi[1])).toMatch(/^[0-9a-f]{32}$/);
  expect(traceIdIn(onWorker[0])).toBe(traceIdIn(onApi[1]));
  const run = watched.worker.log.find(
    ({ message, job_ids: ids }) =>
      message === 'micro-batch run' && Array.isArray(ids) && ids.includes(body.id),
  );
  expect(run).toMatchObject({ jobs: 1, model: MODEL });
});

it('goes on and leaves in good order when the collector has gone', async () => {
  await collector.close();
  const jobs = await Promise.all([1, 2, 3].map(() => submit()));
  for (const { body } of jobs) expect(body.status).toBe('succeeded');
  for (const program of [watched.api, watched.worker]) {
    await until(() => program.log.some(({ level, message }) => level === 'warn' && message === 'tracing'));
  }
  expect(await Promise.all([watched.api.stop(), watched.worker.stop()])).toEqual([0, 0]);
});

it('loads nothing of it while tracing is off', async () => {
  expect(await Promise.all([unwatched.api.stop(), unwatched.worker.stop()])).toEqual([0, 0]);
  const isTracing = (file: string): boolean => /@opentelemetry\/(?!api\/)/.test(file);
  expect(unwatched.loaded().map((files) => files.filter(isTracing))).toEqual([[], []]);
  // The list would show it.
  expect(watched.loaded()).toHaveLength(2);
  for (const files of watched.loaded()) expect(files.filter(isTracing).length).toBeGreaterThan(0);
});
