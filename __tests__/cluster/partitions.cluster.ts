import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchBody } from '../../shared/contract/batch.js';
import type { JobBody, JobList } from '../../shared/contract/job.js';
import { partitionTag } from '../../shared/records/partition-tags.js';
import { until } from '../support/latch.js';
import { type Program, startProgram } from '../support/program.js';
import { testPrefix } from '../support/redis.js';
import { type ClusterNode, type RedisCluster, startCluster } from '../support/redis-cluster.js';
import { bringBack } from '../support/replaceable.js';

const PARTITIONS = 6;
const CALLERS = 12;
const ROWS = 240;
/** Jobs that have to end between two disturbances. */
const BETWEEN = 60;
/** Longest for a master to be replaced and everything to go on, on a machine that does other things beside. */
const PATIENCE_MS = 60_000;

let cluster: RedisCluster;
let programs: Program[];
let urls: string[];
let env: Record<string, string>;
const over = new AbortController();

beforeAll(async () => {
  cluster = await startCluster();
  env = {
    REDIS_URL: cluster.url,
    KEY_PREFIX: testPrefix(),
    PARTITIONS: String(PARTITIONS),
    MODELS_DIR: resolve(__dirname, '../fixtures/models'),
    MODELS: 'faulty',
    DEFAULT_MODEL: 'faulty',
    LEASE_MS: '1500',
    CHUNK_ROWS: '8',
    // One replica has what is acknowledged, so that nothing acknowledged goes with a master.
    REDIS_REPLICAS_ACK: '1',
  };
  const apis = Array.from({ length: 2 }, () => startProgram('api', { ...env, PORT: '0' }));
  const file = '__tests__/fixtures/faulty-worker.mjs';
  const workers = Array.from({ length: 3 }, () => startProgram('worker', env, { file }));
  programs = [...apis, ...workers];
  const ports = await Promise.all(apis.map((api) => api.ready()));
  await Promise.all(workers.map((worker) => worker.ready()));
  urls = ports.map((port) => `http://127.0.0.1:${port}`);
}, PATIENCE_MS);

afterAll(async () => {
  over.abort();
  for (const program of programs) program.signal('SIGKILL');
  await Promise.all(programs.map((program) => program.ended));
  await cluster.stop();
});

/** Sends a request until it is answered with anything but 503. */
async function send<T>(path: string, { at, ...init }: RequestInit & { at: number }): Promise<T> {
  return until(
    async () => {
      const response = await fetch(`${urls[at % urls.length]}${path}`, init);
      const body = (await response.json()) as T;
      if (response.status === 503) return undefined;
      if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(body)}`);
      return body;
    },
    { timeoutMs: PATIENCE_MS, what: `an answer to ${path}` },
  );
}

const post = <T>(path: string, at: number, body: unknown, key: string): Promise<T> =>
  send<T>(path, {
    at,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
  });

const endOf = <T extends { status: string }>(path: string, at: number): Promise<T> =>
  until(
    async () => {
      const now = await send<T>(path, { at, headers: { prefer: 'wait=1' } });
      return ['succeeded', 'failed', 'canceled', 'expired', 'partially_failed'].includes(now.status) && now;
    },
    { timeoutMs: PATIENCE_MS, what: `the end of ${path}` },
  );

interface Accepted {
  key: string;
  value: number;
  id: string;
}

const orderOf = (number: number) => ({
  input: { act: 'answer', value: number % 400 },
  request_id: `r-${number}`,
});
const resultOf = (number: number) => ({ doubled: 2 * (number % 400) });

it(
  'loses, doubles and confuses nothing where one master after the other is killed under load',
  async () => {
    const accepted: Accepted[] = [];
    let ended = 0;
    let next = 0;
    const caller = async (at: number): Promise<void> => {
      while (!over.signal.aborted) {
        const value = (next += 1);
        const key = randomUUID();
        const { id } = await post<JobBody>('/jobs', at, orderOf(value), key);
        accepted.push({ key, value, id });
        expect(await endOf<JobBody>(`/jobs/${id}`, at)).toMatchObject({
          status: 'succeeded',
          result: resultOf(value),
        });
        ended += 1;
        await sleep(20);
      }
    };
    const load = Promise.all(Array.from({ length: CALLERS }, (_, at) => caller(at)));
    load.catch(() => over.abort());
    const moreEnd = async (): Promise<void> => {
      const from = ended;
      await Promise.race([
        until(() => ended > from + BETWEEN, { timeoutMs: PATIENCE_MS, what: 'jobs that end' }),
        load,
      ]);
    };
    await moreEnd();
    const inputs = Array.from({ length: ROWS }, (_, value) => ({ act: 'answer', value }));
    const batch = await post<BatchBody>('/batches', 0, { inputs }, randomUUID());
    for (const index of [0, 3]) {
      const tag = partitionTag({ index, count: PARTITIONS });
      const master = await cluster.master(tag);
      await master.kill();
      // The replica that takes its place has none itself until this one is back.
      await bringBack(cluster, master, tag);
      await moreEnd();
    }
    over.abort();
    await load;

    expect(new Set(accepted.map(({ id }) => id.slice(-2))).size).toBe(PARTITIONS);
    for (const [at, { id, value, key }] of accepted.entries()) {
      const found = await send<JobBody>(`/jobs/${id}`, { at: at + 1 });
      expect(found).toMatchObject({ status: 'succeeded', result: resultOf(value) });
      expect((await post<JobBody>('/jobs', at, orderOf(value), key)).id).toBe(id);
    }
    const listed: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const path = `/jobs?limit=50${cursor && `&cursor=${cursor}`}`;
      const page: JobList = await until(
        async () => {
          const some = await send<JobList>(path, { at: 0 });
          return some.missing_partitions === undefined && some;
        },
        { timeoutMs: PATIENCE_MS, what: 'a list of all partitions' },
      );
      listed.push(...page.jobs.map(({ id }) => id));
      cursor = page.next_cursor;
    }
    expect(listed.toSorted()).toEqual(accepted.map(({ id }) => id).toSorted());
    for (const { id, value } of accepted.slice(0, 20)) {
      const { jobs } = await send<JobList>(`/jobs?request_id=r-${value}`, { at: value });
      expect(jobs.map((job) => job.id)).toEqual([id]);
    }
    const { last_day: counts } = await send<{ last_day: object }>('/stats', { at: 1 });
    expect(counts).toMatchObject({ submitted: accepted.length, succeeded: accepted.length });

    expect(await endOf<BatchBody>(`/batches/${batch.id}`, 1)).toMatchObject({ rows: { succeeded: ROWS } });
    const lines = (await (await fetch(`${urls[1]}/batches/${batch.id}/results`)).text())
      .trimEnd()
      .split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { doubled: number }).doubled)).toEqual(
      inputs.map(({ value }) => 2 * value),
    );
  },
  5 * PATIENCE_MS,
);

it(
  'goes on with the other partitions while one is away, says so, and has it back',
  async () => {
    const tags = Array.from({ length: PARTITIONS }, (_, index) => partitionTag({ index, count: PARTITIONS }));
    const masters = await Promise.all(tags.map((tag) => cluster.masterOf(tag)));
    const master = masters[4] as ClusterNode;
    const away = masters.flatMap((one, index) => (one === master ? [index] : []));
    expect(away.length).toBeLessThan(PARTITIONS);
    const nodes = [master, ...(await cluster.replicasOf(master))];
    await Promise.all(nodes.map(({ server }) => server.kill()));

    const call = (path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`${urls[0]}${path}`, {
        headers: { 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      });
    const list = async (): Promise<JobList> => (await (await call('/jobs?limit=5')).json()) as JobList;
    await until(async () => (await list()).missing_partitions?.length === away.length, {
      what: 'a list that names what is away',
      timeoutMs: PATIENCE_MS,
    });
    expect((await list()).missing_partitions).toEqual(away);
    for (let number = 0; number < 60; number += 1) {
      const answer = await call('/jobs', orderOf(number), { prefer: 'wait=10' });
      expect(await answer.json()).toMatchObject({ status: 'succeeded', result: resultOf(number) });
    }
    const keyed = await Promise.all(
      Array.from({ length: 40 }, async (_, number) => {
        const answer = await call('/jobs', orderOf(number), { 'idempotency-key': randomUUID() });
        return answer.status;
      }),
    );
    expect(new Set(keyed)).toEqual(new Set([202, 503]));
    expect((await call('/stats/demand')).status).toBe(503);
    expect(await (await call('/stats')).json()).toMatchObject({ missing_partitions: away });
    const ready = await call('/health/ready');
    expect(ready.status).toBe(200);
    expect(await ready.text()).toContain(`partition ${away[0]}: `);

    const started = startProgram('api', { ...env, PORT: '0' });
    programs.push(started);
    const late = `http://127.0.0.1:${await started.ready()}`;
    expect(await (await fetch(`${late}/jobs?limit=5`)).json()).toMatchObject({ missing_partitions: away });

    await Promise.all(nodes.map(({ server }) => server.restart()));
    await cluster.isWhole();
    await until(async () => !(await (await fetch(`${late}/jobs?limit=5`)).text()).includes('missing'), {
      what: 'an API that has found the partition since',
      timeoutMs: PATIENCE_MS,
    });
    await until(async () => (await list()).missing_partitions === undefined, {
      what: 'a list of all partitions',
      timeoutMs: PATIENCE_MS,
    });
    const key = randomUUID();
    for (let number = 0; number < 30; number += 1) {
      const job = await post<JobBody>('/jobs', number, orderOf(number), `${key}-${number}`);
      expect(await endOf<JobBody>(`/jobs/${job.id}`, number)).toMatchObject({ result: resultOf(number) });
    }
    expect((await call('/stats/demand')).status).toBe(200);
  },
  5 * PATIENCE_MS,
);
