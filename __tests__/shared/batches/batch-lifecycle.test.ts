import { v7 as uuidv7 } from 'uuid';
import { BatchStore, type NewBatch } from '../../../shared/batches/batch-store.js';
import {
  decodeChunk,
  decodeResults,
  encodeChunk,
  encodeResults,
} from '../../../shared/batches/chunk-codec.js';
import { ChunkLeases } from '../../../shared/batches/chunk-leases.js';
import type { ClaimedJob } from '../../../shared/jobs/claimed-job.js';
import { createColumnLayout } from '../../../shared/model/columns.js';
import type { Manifest } from '../../../shared/model/manifest.js';
import { useJobRig } from '../../support/rigs/job-rig.js';

const QUEUE = 'trips.chunks';

const rig = useJobRig();
let batches: BatchStore;
let chunks: ChunkLeases;
beforeEach(() => {
  batches = new BatchStore(rig.records);
  chunks = new ChunkLeases(rig.records);
});

const newBatch = (changes: Partial<NewBatch> = {}): NewBatch => ({
  id: uuidv7(),
  model: 'trips',
  queue: QUEUE,
  owner: '',
  chunkRows: 4,
  strict: false,
  timeoutMs: 60_000,
  maxAttempts: 2,
  resultTtlMs: 60_000,
  queueTtlMs: 60_000,
  ...changes,
});

async function open(changes: Partial<NewBatch> = {}): Promise<string> {
  const batch = newBatch(changes);
  expect((await batches.create(batch, 9)).kind).toBe('created');
  return batch.id;
}

const packed = Buffer.from('columns');
const violation = [{ pointer: '#/x', detail: 'is required' }];
const added = new Map<string, number>();
const add = (id: string, rows: number, invalid: Record<string, typeof violation> = {}) => {
  const number = added.get(id) ?? 0;
  added.set(id, number + 1);
  return batches.add(id, { number, rows, columns: packed, invalid });
};

async function claim(jobId: string, leaseMs?: number): Promise<ClaimedJob> {
  const [job] = await rig.claim(1, leaseMs, { queue: QUEUE });
  if (job?.id !== jobId) throw new Error(`claimed ${job?.id}`);
  return job;
}

const run = (values: number[]) => ({
  modelVersion: '1.0.0',
  outputs: { rows: values.length, values: [Float32Array.from(values)] },
  rowsSucceeded: values.filter((value) => !Number.isNaN(value)).length,
  rowsFailed: values.filter(Number.isNaN).length,
});

it('goes from accepting to succeeded while its chunks run, and keeps results and row errors', async () => {
  const id = await open({ requestId: 'r' });
  expect(await add(id, 4)).toBe(true);
  expect(await batches.find(id)).toMatchObject({
    state: 'accepting',
    chunks: 1,
    requestId: 'r',
    rows: { total: 4 },
  });
  expect(await chunks.columns(`${id}:0`)).toEqual(packed);
  const job = await claim(`${id}:0`);
  expect(await chunks.commit(job, run([1, 2, Number.NaN, 4]))).toBe('committed');
  await add(id, 1, { 1: violation });
  expect(await batches.complete(id, 'f')).toBe(true);
  expect(await batches.find(id)).toMatchObject({ state: 'running' });
  await chunks.commit(await claim(`${id}:1`), run([5, 0]));
  const done = await batches.find(id);
  expect(done).toMatchObject({ state: 'succeeded', chunks: 2, modelVersion: '1.0.0' });
  expect(done?.rows).toEqual({ total: 6, succeeded: 5, failed: 1, invalid: 1 });
  expect((await batches.results(id, 0, [1])).outputs?.values[0]).toEqual(
    Float32Array.of(1, 2, Number.NaN, 4),
  );
  expect(await batches.results(id, 1, [1])).toMatchObject({ invalid: { 1: violation } });
});

it('keeps the order of chunks that arrive in another, as when scripts have to be loaded again', async () => {
  const id = await open();
  await rig.redis.command(['SCRIPT', 'FLUSH']);
  const parts = ['a', 'b', 'c', 'd'].map((text) => Buffer.from(text));
  await Promise.all(
    parts.map((part, number) => batches.add(id, { number, rows: 1, columns: part, invalid: {} })),
  );
  const kept = await Promise.all(parts.map((_, number) => chunks.columns(`${id}:${number}`)));
  expect(kept).toEqual(parts);
  expect(await batches.find(id)).toMatchObject({ chunks: 4, rows: { total: 4 } });
});

it('leaves no input, no chunk record and nothing without a time to live behind', async () => {
  const id = await open();
  await add(id, 1);
  await chunks.commit(await claim(`${id}:0`), run([1]));
  await batches.complete(id, 'f');
  const keys = await rig.redis.command(['KEYS', rig.records.key(`*${id}*`)]);
  if (!Array.isArray(keys)) throw new Error('no list');
  expect(keys.map(String).toSorted()).toEqual([
    rig.records.key(`batch:${id}`),
    rig.records.key(`batch:${id}:out`),
  ]);
  for (const key of keys) expect(await rig.redis.command(['PTTL', String(key)])).toBeGreaterThan(50_000);
});

it('holds the chunks of a strict batch back until its upload is complete', async () => {
  const id = await open({ strict: true });
  expect([await add(id, 4), await add(id, 2)]).toEqual([true, true]);
  expect(await rig.claim(9, 0, { queue: QUEUE })).toEqual([]);
  expect(await batches.complete(id, 'f')).toBe(true);
  expect(await batches.find(id)).toMatchObject({ state: 'queued' });
  const jobs = await rig.claim(9, undefined, { queue: QUEUE });
  expect(jobs.map((job) => job.id)).toEqual([`${id}:0`, `${id}:1`]);
});

it('fails when not one row came through: all invalid, or their chunk failed', async () => {
  const invalid = await open();
  expect(await add(invalid, 0, { 0: violation })).toBe(true);
  await batches.complete(invalid, 'f');
  expect(await batches.find(invalid)).toMatchObject({ state: 'failed', rows: { invalid: 1 } });
  const failed = await open();
  await add(failed, 3);
  const job = await claim(`${failed}:0`);
  await batches.complete(failed, 'f');
  expect(await chunks.fail(job, 'model_error', 'no')).toBe('committed');
  expect(await batches.find(failed)).toMatchObject({ state: 'failed', rows: { total: 3, failed: 3 } });
  expect((await batches.results(failed, 0, [1])).failure).toEqual({ code: 'model_error', message: 'no' });
});

it('commits a chunk once: late tokens change nothing, lost workers count attempts', async () => {
  const id = await open();
  const jobId = `${id}:0`;
  await add(id, 1);
  await batches.complete(id, 'f');
  const late = await claim(jobId, 0);
  expect(await rig.sweep.reap(10)).toEqual([{ jobId, queue: QUEUE, outcome: 'queued' }]);
  const job = await claim(jobId);
  expect(await chunks.commit(late, run([1]))).toBe('stale');
  expect(await chunks.commit(job, run([2]))).toBe('committed');
  expect(await chunks.commit(job, run([3]))).toBe('gone');
  expect((await batches.find(id))?.rows.succeeded).toBe(1);
  expect((await batches.results(id, 0, [1])).outputs?.values[0]?.[0]).toBe(2);
});

it('cancels what has not run and drops what runs', async () => {
  const id = await open();
  for (let number = 0; number < 3; number += 1) await add(id, 1);
  await chunks.commit(await claim(`${id}:0`), run([1]));
  const running = await claim(`${id}:1`);
  expect(await batches.cancel(id, 'somebody')).toBe('gone');
  expect(await batches.cancel(id, undefined)).toBe('canceling');
  expect(await batches.cancel(id, undefined)).toBe('ended');
  expect(await batches.find(id)).toMatchObject({ state: 'canceled', rows: { succeeded: 1 } });
  expect(await chunks.commit(running, run([2]))).toBe('canceled');
  expect(await rig.claim(9, 0, { queue: QUEUE })).toEqual([]);
  expect((await batches.results(id, 0, [1])).outputs?.values[0]?.[0]).toBe(1);
  expect(await add(id, 1)).toBe(false);
});

it('frees the Idempotency-Key of an upload that broke off, and replays one that was complete', async () => {
  const idempotencyKey = 'k';
  const broken = await open({ idempotencyKey });
  expect(await batches.create(newBatch({ idempotencyKey }), 9)).toEqual({
    kind: 'uploading',
    batchId: broken,
  });
  await batches.abort(broken);
  const whole = await open({ idempotencyKey });
  await add(whole, 1);
  await batches.complete(whole, 'print');
  expect(await batches.create(newBatch({ idempotencyKey }), 9)).toEqual({
    kind: 'replayed',
    batchId: whole,
    fingerprint: 'print',
  });
});

it('refuses a batch while too many chunks wait', async () => {
  await add(await open(), 1);
  expect(await batches.create(newBatch(), 1)).toEqual({ kind: 'full', depth: 1 });
});

it('cancels uploads that fell silent, and only those', async () => {
  const [silent, alive] = [await open(), await open()];
  await rig.redis.command(['ZADD', rig.records.key('accepting'), '1', silent]);
  expect(await batches.touch(alive)).toBe(true);
  expect(await rig.sweep.reapUploads(60_000, 10)).toBe(1);
  expect((await batches.find(silent))?.state).toBe('canceled');
  expect((await batches.find(alive))?.state).toBe('accepting');
});

it('lists newest first, per owner, page by page', async () => {
  const [a, b, c] = [
    await open({ owner: 'ann' }),
    await open({ owner: 'bob' }),
    await open({ owner: 'ann' }),
  ];
  const first = await batches.list(undefined, { limit: 2 });
  expect(first.found.map((batch) => batch.id)).toEqual([c, b]);
  const rest = await batches.list(undefined, { limit: 2, after: first.next });
  expect(rest).toMatchObject({ found: [{ id: a }], next: undefined });
  expect((await batches.list('ann', { limit: 9 })).found.map((batch) => batch.id)).toEqual([c, a]);
});

describe('chunk codec', () => {
  const layout = createColumnLayout({
    input: { properties: {} },
    columns: [
      { member: 'from', encoding: 'integer', tensor: 'ids' },
      { member: 'to', encoding: 'integer', tensor: 'ids' },
      { member: 'size', encoding: 'number', tensor: 'size' },
      { member: 'flag', encoding: 'boolean', tensor: 'flag' },
    ],
  } as unknown as Manifest);
  const holes = Uint32Array.of(1);
  const columns = {
    rows: 2,
    arrays: [Int32Array.of(1, 2, 3, 4, 9, 9), Float32Array.of(0.5, -1, 9), Uint8Array.of(1, 0, 9)],
  };

  it('brings columns back, without the rows that were not used', () => {
    const bytes = Buffer.concat([Buffer.from('x'), encodeChunk(layout, { columns, holes })]).subarray(1);
    expect(decodeChunk(layout, bytes)).toEqual({
      columns: {
        rows: 2,
        arrays: [Int32Array.of(1, 2, 3, 4), Float32Array.of(0.5, -1), Uint8Array.of(1, 0)],
      },
      holes,
    });
  });

  it('refuses columns of another layout or length', () => {
    const bytes = encodeChunk(layout, { columns, holes });
    const other = { ...layout, tensors: layout.tensors.toReversed() };
    expect(() => decodeChunk(other, bytes)).toThrow(/other columns/);
    expect(() => decodeChunk(layout, bytes.subarray(0, -1))).toThrow(/other columns/);
  });

  it('brings results back', () => {
    const outputs = { rows: 2, values: [Float32Array.of(1.5, Number.NaN), Float32Array.of(0, -0, 3, 4)] };
    expect(decodeResults(encodeResults(outputs), [1, 2])).toEqual(outputs);
    for (const widths of [[1], [1, 1], [1, 2, 1]]) {
      expect(decodeResults(encodeResults(outputs), widths)).toBeUndefined();
    }
  });
});
