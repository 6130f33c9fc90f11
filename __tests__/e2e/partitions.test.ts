import type { BatchBody } from '../../shared/contract/batch.js';
import type { JobBody, JobList, SubmittedJobs } from '../../shared/contract/job.js';
import type { StatsBody } from '../../shared/contract/stats.js';
import { type Fleet, startFleet } from '../support/fleet.js';
import { until } from '../support/latch.js';
import { startProgram } from '../support/program.js';

const PARTITIONS = 6;
const JOBS = 60;
const ROWS = 30;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ PARTITIONS: String(PARTITIONS), CHUNK_ROWS: '4' });
});
afterAll(() => fleet.close());

interface Call {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

async function call(
  api: number,
  path: string,
  { method = 'GET', body, headers = {} }: Call = {},
): Promise<Response> {
  const { host = '', port = 0 } = fleet.servers[api] ?? {};
  return fetch(`http://${host}:${port}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
}

const get = async <T>(api: number, path: string): Promise<T> => (await (await call(api, path)).json()) as T;

const submit = async (api: number, value: number, headers: Record<string, string> = {}): Promise<JobBody> => {
  const body = { input: { act: 'answer', value }, request_id: `r${value}` };
  return (await (await call(api, '/jobs', { method: 'POST', body, headers })).json()) as JobBody;
};

const partitionOf = (id: string): number => Number.parseInt(id.slice(-2), 16);

it('spreads jobs over partitions, and finds each of them by everything that leads to it, at every API', async () => {
  const ids: string[] = [];
  for (let value = 0; value < JOBS; value += 1) ids.push((await submit(value % 2, value)).id);
  expect(new Set(ids.map(partitionOf))).toEqual(new Set([0, 1, 2, 3, 4, 5]));

  for (const [value, id] of ids.entries()) {
    const ended = await call(value % 2, `/jobs/${id}`, { headers: { prefer: 'wait=20' } });
    expect(await ended.json()).toMatchObject({ id, status: 'succeeded', result: { doubled: 2 * value } });
    const found = await get<JobList>((value + 1) % 2, `/jobs?request_id=r${value}`);
    expect(found.jobs.map((job) => job.id)).toEqual([id]);
  }

  const listed: JobBody[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: JobList = await get<JobList>(0, `/jobs?limit=7${cursor === '' ? '' : `&cursor=${cursor}`}`);
    expect(page.missing_partitions).toBeUndefined();
    listed.push(...page.jobs);
    cursor = page.next_cursor;
  }
  expect(listed.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  const times = listed.map((job) => job.created_at);
  expect(times).toEqual(times.toSorted().toReversed());

  const stats = await get<StatsBody>(1, '/stats');
  expect(stats.last_day).toMatchObject({ submitted: JOBS, succeeded: JOBS });
  expect(await get(0, '/stats/demand?model=faulty')).toEqual({ waiting: 0, held: 0 });
  const metrics = await (await call(1, '/metrics')).text();
  const counted = [
    ...metrics.matchAll(
      /^waggle_jobs_ended_total\{partition="(\d)",model="faulty",state="succeeded"\} (\d+)$/gm,
    ),
  ];
  expect(new Set(counted.map(([, partition]) => Number(partition)))).toEqual(new Set([0, 1, 2, 3, 4, 5]));
  expect(counted.reduce((sum, [, , count]) => sum + Number(count), 0)).toBe(JOBS);
});

it('finds the job of an Idempotency-Key at the other API, whichever partition has it', async () => {
  const keys = Array.from({ length: 12 }, (_, i) => `key-${i}`);
  const first = await Promise.all(keys.map((key, i) => submit(0, i, { 'idempotency-key': key })));
  const again = await Promise.all(keys.map((key, i) => submit(1, i, { 'idempotency-key': key })));
  expect(again.map(({ id }) => id)).toEqual(first.map(({ id }) => id));
  expect(new Set(first.map(({ id }) => partitionOf(id))).size).toBeGreaterThan(2);
});

it('keeps the jobs of one request together, and a batch with its chunks', async () => {
  const entries = Array.from({ length: 20 }, (_, value) => ({ input: { act: 'answer', value } }));
  const headers = { prefer: 'wait=20' };
  const many = await call(0, '/jobs', { method: 'POST', body: { jobs: entries }, headers });
  const { jobs } = (await many.json()) as SubmittedJobs;
  expect(jobs.map((job) => 'result' in job && job.result)).toEqual(
    entries.map(({ input: { value } }) => ({ doubled: 2 * value })),
  );
  expect(new Set(jobs.map((job) => 'id' in job && partitionOf(job.id))).size).toBe(1);

  const rows = Array.from({ length: ROWS }, (_, value) => JSON.stringify({ act: 'answer', value })).join(
    '\n',
  );
  const sent = await Promise.all(
    Array.from({ length: 4 }, (_, i) =>
      call(i % 2, '/batches', {
        method: 'POST',
        body: rows,
        headers: { 'content-type': 'application/x-ndjson' },
      }),
    ),
  );
  for (const answer of sent) {
    const { id } = (await answer.json()) as BatchBody;
    const batch = await until(
      async () => {
        const now = await get<BatchBody>(1, `/batches/${id}`);
        return now.status === 'succeeded' && now;
      },
      { what: 'the end of the batch', timeoutMs: 20_000 },
    );
    expect(batch.rows).toMatchObject({ total: ROWS, succeeded: ROWS });
    const lines = (await (await call(0, `/batches/${id}/results`)).text()).trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { doubled: number }).doubled)).toEqual(
      Array.from({ length: ROWS }, (_, row) => 2 * row),
    );
  }
});

it('refuses another number of partitions on records that are there', async () => {
  const api = startProgram('api', {
    REDIS_URL: fleet.redis.url,
    KEY_PREFIX: fleet.keyPrefix,
    PARTITIONS: '3',
    PORT: '0',
  });
  expect(await api.ended).toBe(1);
  expect(JSON.stringify(api.log)).toContain(
    '3 in 6 partitions, this version reads schema 3 in 3 partitions: PARTITIONS stays',
  );
});
