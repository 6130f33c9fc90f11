import { v7 as uuidv7 } from 'uuid';
import { BatchStore } from '../../../shared/batches/batch-store.js';
import { ChunkLeases } from '../../../shared/batches/chunk-leases.js';
import { listJobs } from '../../../shared/jobs/job-list.js';
import { type JobBench, openJobBench, QUEUE } from '../../support/jobs.js';
import { startRedis, type TestRedis } from '../../support/redis.js';

const RUN = { queue: QUEUE, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 1 };
const WINDOW = { offset: 0, limit: 10 };

let server: TestRedis;
let bench: JobBench;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  bench = await openJobBench(server);
});
afterEach(() => bench.close());

/** Makes a record one of another version. */
async function rewrite(name: string): Promise<void> {
  await bench.redis.command(['HSET', bench.records.key(name), 'schema', '2']);
}

/** Every key under the prefix and what it holds. */
async function everything(): Promise<Record<string, unknown>> {
  const keys = await bench.redis.command(['KEYS', `${bench.keyPrefix}*`]);
  const names = (Array.isArray(keys) ? keys : []).map(String).toSorted();
  const values = await Promise.all(names.map((name) => bench.redis.commandBytes(['DUMP', name])));
  return Object.fromEntries(names.map((name, index) => [name, String(values[index])]));
}

/** Whatever a process of this version may do to a job, as its holder or as anybody else. */
const touch = async (id: string, claimId: string): Promise<unknown[]> => {
  const hold = { id, token: 1 };
  const request = { jobId: id, delivery: 1, claimId };
  const answers: unknown[] = [
    await bench.leases.claim([request], 0),
    await bench.leases.renew([hold], 99_000),
    await bench.leases.commit(RUN, [{ ...hold, ok: true, result: {} }]),
    await bench.leases.commit(RUN, [{ ...hold, ok: false, code: 'timeout', message: '' }]),
    await bench.leases.retry([{ ...hold, code: 'timeout', message: '' }]),
    await bench.leases.release([hold]),
    await bench.leases.redeliver([request]),
    await bench.store.cancel(id, undefined),
    (await bench.sweep.reap(WINDOW)).found,
    (await bench.sweep.expire(WINDOW)).found,
    (await bench.sweep.orphans(QUEUE, bench.bee.jobs, { from: undefined, limit: 10, minAgeMs: 0 })).found,
    await bench.sweep.lost(bench.bee, 10),
    await bench.sweep.ghosts(bench.bee, 'waiting', WINDOW),
    await bench.sweep.ghosts(bench.bee, 'active', WINDOW),
  ];
  for (const index of await bench.sweep.indexes()) {
    answers.push((await bench.sweep.trim(index, { from: undefined, limit: 10, minAgeMs: 0 })).found);
  }
  return answers;
};

const refusals = (id: string, waiting: number): unknown[] => [
  [{ kind: 'unreadable', id }],
  ['lost'],
  ['stale'],
  ['stale'],
  [{ kind: 'stale' }],
  [{ kind: 'stale' }],
  [undefined],
  'gone',
  [],
  [],
  [],
  { dropped: 0, found: [] },
  { lookedAt: waiting, removed: 0 },
  { lookedAt: 0, removed: 0 },
];

it('leaves a waiting job of another version as it is, past its deadline, too', async () => {
  const id = await bench.submit({ owner: 'ann', requestId: 'r', expiresInMs: 0 });
  await rewrite(`job:${id}`);
  const before = await everything();
  expect((await touch(id, 'w')).slice(0, 14)).toEqual(refusals(id, 1));
  expect(await everything()).toEqual(before);
});

it('leaves a running one as it is, and one that is being canceled, past the end of their leases', async () => {
  for (const isCanceled of [false, true]) {
    const id = await bench.submit({ owner: 'ann' });
    await bench.leases.claim([{ jobId: id, delivery: 1, claimId: 'w' }], 0);
    if (isCanceled) await bench.store.cancel(id, undefined);
    await rewrite(`job:${id}`);
    const before = await everything();
    expect((await touch(id, 'w')).slice(0, 12)).toEqual(refusals(id, 1).slice(0, 12));
    expect(await everything()).toEqual(before);
  }
});

it('lists the others though one of another version stands among them', async () => {
  const [first, foreign, last] = [await bench.submit(), await bench.submit(), await bench.submit()];
  await rewrite(`job:${foreign}`);
  for (const states of [[], ['queued']] as const) {
    const filter = { owner: undefined, states: [...states], queues: [QUEUE] };
    const { jobs, next } = await listJobs(bench.records, filter, { limit: 10 });
    expect([jobs.map((job) => job.id), next]).toEqual([[last, first], undefined]);
  }
});

it('leaves a batch of another version as it is', async () => {
  const batches = new BatchStore(bench.records);
  const id = uuidv7();
  const limits = { chunkRows: 4, strict: false, timeoutMs: 1_000, maxAttempts: 2, resultTtlMs: 60_000 };
  const idempotency = { key: 'k', ttlMs: 60_000 };
  await batches.create({ id, model: QUEUE, queue: QUEUE, owner: 'ann', idempotency, ...limits }, 9);
  const chunk = { number: 0, rows: 1, columns: Buffer.from('x'), invalid: {} };
  const jobId = (await batches.add(id, chunk)) ?? '';
  await bench.leases.claim([{ jobId, delivery: 1, claimId: 'w' }], 0);
  await rewrite(`batch:${id}`);
  await rewrite(`job:${jobId}`);
  await bench.redis.command(['ZADD', bench.records.key('accepting'), '1', id]);
  const before = await everything();
  const run = { queue: QUEUE, modelVersion: '1', outputs: [], rowsSucceeded: 1, rowsFailed: 0 };
  expect([
    await batches.add(id, { ...chunk, number: 1 }),
    await batches.touch(id),
    await batches.complete(id, 'f'),
    await batches.cancel(id, undefined),
    await batches.abort(id),
    await bench.sweep.reapUploads(1, 10),
    await new ChunkLeases(bench.records).commit({ id: jobId, token: 1 }, run),
    (await bench.sweep.reap(WINDOW)).found,
  ]).toEqual([undefined, false, undefined, 'gone', undefined, 0, 'stale', []]);
  expect(await everything()).toEqual(before);
});
