import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import type { BatchBody } from '../../shared/contract/batch.js';
import type { JobBody } from '../../shared/contract/job.js';
import { until } from '../support/latch.js';
import { type Program, startProgram } from '../support/program.js';
import { testPrefix } from '../support/redis.js';
import { startCluster } from '../support/redis-cluster.js';
import { startSentinels } from '../support/redis-sentinels.js';
import { type Replaceable, replaced } from '../support/replaceable.js';

/** Longest for anything to happen, on a machine that does other things beside. */
const PATIENCE_MS = 60_000;
/** From the election of another master until a job has gone all the way, in ms: where the master was killed, and where it serves on as a replica. */
const AFTER_KILL_MS = 5_000;
const AFTER_FAILOVER_MS = 2_000;
/** Without acknowledgements a master that dies may take with it what it accepted so shortly before, in ms. */
const UNREPLICATED_MS = 1_000;
const CALLERS = 8;
/** Jobs that have to end between two disturbances. */
const BETWEEN = 40;
const ROWS = 120;

jest.setTimeout(5 * PATIENCE_MS);

describe.each([
  ['Sentinels', startSentinels],
  ['a cluster', startCluster],
])('with the master that %s name', (_who, start) => {
  let redis: Replaceable;
  let programs: Program[];
  let urls: string[];

  beforeAll(async () => {
    redis = await start();
    const env = {
      REDIS_URL: redis.url,
      KEY_PREFIX: testPrefix(),
      MODELS_DIR: resolve(__dirname, '../fixtures/models'),
      MODELS: 'faulty',
      DEFAULT_MODEL: 'faulty',
      LEASE_MS: '1500',
      CHUNK_ROWS: '8',
      REDIS_TIMEOUT_MS: '800',
    };
    const apis = [1, 2].map(() => startProgram('api', env));
    const file = '__tests__/fixtures/faulty-worker.mjs';
    const workers = [1, 2].map(() => startProgram('worker', env, { file }));
    programs = [...apis, ...workers];
    const ports = await Promise.all(apis.map((api) => api.ready()));
    await Promise.all(workers.map((worker) => worker.ready()));
    urls = ports.map((port) => `http://127.0.0.1:${port}`);
  });
  afterAll(async () => {
    for (const program of programs) program.signal('SIGKILL');
    await Promise.all(programs.map((program) => program.ended));
    await redis.stop();
  });

  /** Sends a request until it is answered with anything but 503. */
  const send = (path: string, at: number, init: RequestInit = {}): Promise<Response> =>
    until(
      async () => {
        const response = await fetch(`${urls[at % 2]}${path}`, init);
        return response.status !== 503 && response;
      },
      { timeoutMs: PATIENCE_MS, what: `an answer to ${path}`, everyMs: 50 },
    );

  /** Submits, under an Idempotency-Key, so that a repeat after 503 makes no second job. */
  async function post<T>(path: string, at: number, body: unknown): Promise<T> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
    const response = await send(path, at, { method: 'POST', headers, body: JSON.stringify(body) });
    expect(response.status).toBeLessThan(300);
    return (await response.json()) as T;
  }

  /** A job or batch that has ended; undefined for one that is not there. */
  const endOf = async <T extends { status: string }>(path: string, at: number): Promise<T | undefined> => {
    const response = await until(
      async () => {
        const answer = await send(path, at, { headers: { prefer: 'wait=1' } });
        const isOver =
          answer.status === 404 || !/"(queued|running|accepting)"/.test(await answer.clone().text());
        return isOver && answer;
      },
      { timeoutMs: PATIENCE_MS, what: `the end of ${path}`, everyMs: 1 },
    );
    return response.status === 404 ? undefined : ((await response.json()) as T);
  };

  const submit = (value: number, at: number) =>
    post<JobBody>('/jobs', at, { input: { act: 'answer', value } });

  /** Resolves to the time that a job takes from here to its end. */
  async function untilServed(): Promise<number> {
    const startMs = performance.now();
    const { id } = await submit(7, 0);
    expect(await endOf<JobBody>(`/jobs/${id}`, 1)).toMatchObject({ result: { doubled: 14 } });
    return performance.now() - startMs;
  }

  it('goes on after that is killed under load, with every job that its successor has', async () => {
    const accepted: { id: string; value: number; acceptedMs: number }[] = [];
    let ended = 0;
    const over = new AbortController();
    const caller = async (at: number): Promise<void> => {
      for (let value = at; !over.signal.aborted; value = (value + CALLERS) % 400) {
        const { id } = await submit(value, at);
        accepted.push({ id, value, acceptedMs: performance.now() });
        await endOf(`/jobs/${id}`, at);
        ended += 1;
      }
    };
    const load = Promise.all(Array.from({ length: CALLERS }, (_, at) => caller(at)));
    const moreEnd = async (): Promise<void> => {
      const from = ended;
      const more = until(() => ended > from + BETWEEN, { what: 'jobs that end', timeoutMs: PATIENCE_MS });
      await Promise.race([more, load]);
    };
    await moreEnd();
    const inputs = Array.from({ length: ROWS }, (_, value) => ({ act: 'answer', value }));
    const batch = await post<BatchBody>('/batches', 0, { inputs });

    const old = await redis.master();
    const killedMs = performance.now();
    await old.kill();
    await replaced(redis, old);
    expect(await untilServed()).toBeLessThan(AFTER_KILL_MS);
    await moreEnd();
    await old.restart();
    await redis.isWhole();
    await moreEnd();
    over.abort();
    await load;

    const jobs = await Promise.all(accepted.map(({ id }, at) => endOf<JobBody>(`/jobs/${id}`, at)));
    const lost = accepted.filter((_job, at) => !jobs[at]);
    expect(lost.filter(({ acceptedMs }) => Math.abs(killedMs - acceptedMs) > UNREPLICATED_MS)).toEqual([]);
    const outcomes = jobs.map((job) => job && [job.status, job.result]);
    const right = accepted.map(({ value }, at) => jobs[at] && ['succeeded', { doubled: 2 * value }]);
    expect(outcomes).toEqual(right);
    expect(await endOf<BatchBody>(`/batches/${batch.id}`, 1)).toMatchObject({ rows: { succeeded: ROWS } });
  });

  it('follows a planned failover, without a restart', async () => {
    const old = await redis.master();
    await redis.failOver();
    await replaced(redis, old);
    // In a cluster the connections to the old master stand.
    expect(await untilServed()).toBeLessThan(AFTER_FAILOVER_MS);
    // What only listens has moved, too: a wait is ended by its message.
    await redis.isWhole();
    const ready = await Promise.all(urls.map((url) => fetch(`${url}/health/ready`)));
    expect(ready.map(({ status }) => status)).toEqual([200, 200]);
    await old.kill();
    expect(await untilServed()).toBeLessThan(AFTER_KILL_MS);
    await old.restart();
    await redis.isWhole();
  });
});
