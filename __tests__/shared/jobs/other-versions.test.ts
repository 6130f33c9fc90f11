import { v7 as uuidv7 } from 'uuid';
import { BatchStore } from '../../../shared/batches/batch-store.js';
import { ChunkLeases } from '../../../shared/batches/chunk-leases.js';
import { listJobs } from '../../../shared/jobs/job-list.js';
import { QUEUE, useJobRig } from '../../support/rigs/job-rig.js';

const RUN = { queue: QUEUE, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 1 };
const WINDOW = { offset: 0, limit: 10 };

const rig = useJobRig();

/** Makes a record one of another version. */
async function rewrite(name: string): Promise<void> {
  await rig.redis.command(['HSET', rig.records.key(name), 'schema', '2']);
}

/** A batch that takes rows. */
async function openBatch(batches: BatchStore): Promise<string> {
  const id = uuidv7();
  const limits = { chunkRows: 4, strict: false, timeoutMs: 1_000, maxAttempts: 2, resultTtlMs: 60_000 };
  await batches.create({ id, model: QUEUE, queue: QUEUE, owner: 'ann', idempotencyKey: id, ...limits }, 9);
  return id;
}

/** Every key under the prefix and what it holds. */
async function everything(): Promise<Record<string, unknown>> {
  const keys = await rig.redis.command(['KEYS', `${rig.keyPrefix}*`]);
  const names = (Array.isArray(keys) ? keys : []).map(String).toSorted();
  const values = await Promise.all(names.map((name) => rig.redis.commandBytes(['DUMP', name])));
  return Object.fromEntries(names.map((name, index) => [name, String(values[index])]));
}

/** Whatever a process of this version may do to a job, as its holder or as anybody else. */
const touch = async (id: string, claimId: string): Promise<unknown[]> => {
  const hold = { id, token: 1, claimId };
  const request = { jobId: id, delivery: 1, claimId };
  const answers: unknown[] = [
    await rig.leases.claim([request], 0),
    await rig.leases.renew([hold], 99_000),
    await rig.leases.commit(RUN, [{ ...hold, ok: true, result: {} }]),
    await rig.leases.commit(RUN, [{ ...hold, ok: false, code: 'timeout', message: '' }]),
    await rig.leases.retry([{ ...hold, code: 'timeout', message: '' }]),
    await rig.leases.release([hold]),
    await rig.leases.redeliver([request]),
    await rig.store.cancel(id, undefined),
    (await rig.sweep.reap(WINDOW)).found,
    (await rig.sweep.expire(WINDOW)).found,
    (await rig.sweep.orphans(QUEUE, rig.bee.jobs, { from: undefined, limit: 10, minAgeMs: 0 })).found,
    await rig.sweep.lost(rig.bee, 10),
    await rig.sweep.ghosts(rig.bee, 'waiting', WINDOW),
    await rig.sweep.ghosts(rig.bee, 'active', WINDOW),
  ];
  for (const index of (await rig.sweep.indexes(undefined)).found) {
    answers.push((await rig.sweep.trim(index, { from: undefined, limit: 10, minAgeMs: 0 })).found);
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
  const id = await rig.submit({ owner: 'ann', requestId: 'r', expiresInMs: 0 });
  await rewrite(`job:${id}`);
  const before = await everything();
  expect((await touch(id, 'w')).slice(0, 14)).toEqual(refusals(id, 1));
  expect(await everything()).toEqual(before);
});

it('leaves a running one as it is, and one that is being canceled, past the end of their leases', async () => {
  for (const isCanceled of [false, true]) {
    const id = await rig.submit({ owner: 'ann' });
    await rig.leases.claim([{ jobId: id, delivery: 1, claimId: 'w' }], 0);
    if (isCanceled) await rig.store.cancel(id, undefined);
    await rewrite(`job:${id}`);
    const before = await everything();
    expect((await touch(id, 'w')).slice(0, 12)).toEqual(refusals(id, 1).slice(0, 12));
    expect(await everything()).toEqual(before);
  }
});

it('lists the others though one of another version stands among them', async () => {
  const [first, foreign, last] = [await rig.submit(), await rig.submit(), await rig.submit()];
  await rewrite(`job:${foreign}`);
  for (const states of [[], ['queued']] as const) {
    const filter = { owner: undefined, states: [...states] };
    const { found, next } = await listJobs(rig.records, filter, { limit: 10 });
    expect([found.map((job) => job.id), next]).toEqual([[last, first], undefined]);
  }
});

it('runs a job and a chunk to whose records a later version of the same schema adds, and leaves that there', async () => {
  const batches = new BatchStore(rig.records);
  const id = await rig.submit();
  const batchId = await openBatch(batches);
  const chunk = { number: 0, rows: 1, columns: Buffer.from('x'), invalid: {} };
  const jobId = (await batches.add(batchId, chunk)) ?? '';
  await batches.complete(batchId, 'f');
  const keys = [`job:${id}`, `job:${jobId}`, `batch:${batchId}`].map((name) => rig.records.key(name));
  for (const key of keys) await rig.redis.command(['HSET', key, 'priority', '5']);
  const [job, part] = await rig.claim([id, jobId], 1_000);
  if (job?.kind !== 'run' || part?.kind !== 'run') throw new Error('not claimed');
  expect(await rig.leases.commit(RUN, [{ ...job.job, ok: true, result: { y: 1 } }])).toEqual(['committed']);
  const run = { queue: QUEUE, modelVersion: '1', outputs: [], rowsSucceeded: 1, rowsFailed: 0 };
  expect(await new ChunkLeases(rig.records).commit(part.job, run)).toBe('committed');
  expect(await rig.store.find(id)).toMatchObject({ state: 'succeeded', result: { y: 1 } });
  expect(await batches.find(batchId)).toMatchObject({ state: 'succeeded', rows: { total: 1, succeeded: 1 } });
  for (const key of [keys[0], keys[2]]) {
    expect(await rig.redis.command(['HGET', String(key), 'priority'])).toBe('5');
  }
});

it('refuses to read one, and says what to do', async () => {
  const id = await rig.submit();
  await rewrite(`job:${id}`);
  await expect(rig.store.find(id)).rejects.toThrow(
    /the record of job .* has record schema 2, this version reads schema 1: .*docs\/upgrading\.md/,
  );
});

it('lists the other batches, page by page, though many of another version stand among them', async () => {
  const batches = new BatchStore(rig.records);
  const ids: string[] = [];
  for (let i = 0; i < 40; i += 1) {
    const id = await openBatch(batches);
    ids.unshift(id);
    if (i !== 0 && i !== 20 && i !== 39) await rewrite(`batch:${id}`);
  }
  await expect(batches.find(ids[1] ?? '')).rejects.toThrow(/the record of batch .* has record schema 2/);
  const readable = [ids[0], ids[19], ids[39]];
  const first = await batches.list(undefined, { limit: 2 });
  expect(first.found.map(({ id }) => id)).toEqual(readable.slice(0, 2));
  const rest = await batches.list(undefined, { limit: 2, after: first.next });
  expect([rest.found.map(({ id }) => id), rest.next]).toEqual([readable.slice(2), undefined]);
});

it('leaves a batch of another version as it is', async () => {
  const batches = new BatchStore(rig.records);
  const id = await openBatch(batches);
  const chunk = { number: 0, rows: 1, columns: Buffer.from('x'), invalid: {} };
  const jobId = (await batches.add(id, chunk)) ?? '';
  await rig.leases.claim([{ jobId, delivery: 1, claimId: 'w' }], 0);
  await rewrite(`batch:${id}`);
  await rewrite(`job:${jobId}`);
  await rig.redis.command(['ZADD', rig.records.key('accepting'), '1', id]);
  const before = await everything();
  const run = { queue: QUEUE, modelVersion: '1', outputs: [], rowsSucceeded: 1, rowsFailed: 0 };
  expect([
    await batches.add(id, { ...chunk, number: 1 }),
    await batches.touch(id),
    await batches.complete(id, 'f'),
    await batches.cancel(id, undefined),
    await batches.abort(id),
    await rig.sweep.reapUploads(1, 10),
    await new ChunkLeases(rig.records).commit({ id: jobId, token: 1, claimId: '' }, run),
    (await rig.sweep.reap(WINDOW)).found,
  ]).toEqual([undefined, false, undefined, 'gone', undefined, 0, 'stale', []]);
  expect(await everything()).toEqual(before);
});
