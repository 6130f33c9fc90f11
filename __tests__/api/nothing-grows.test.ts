import { v7 as uuidv7 } from 'uuid';
import { Sweeper } from '../../api/sweeper.js';
import { BatchStore } from '../../shared/batches/batch-store.js';
import { ChunkLeases } from '../../shared/batches/chunk-leases.js';
import type { ClaimedJob } from '../../shared/jobs/job-leases.js';
import type { NewJob } from '../../shared/jobs/job-store.js';
import { type JobBench, openJobBench, QUEUE } from '../support/jobs.js';
import { until } from '../support/latch.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { silentLog } from '../support/silent-log.js';

const CHUNKS = `${QUEUE}.chunks`;
const RESULT_TTL_MS = 20;
const ROUNDS = 30;
const RUN = { queue: QUEUE, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 1 };

let server: TestRedis;
let bench: JobBench;
let sweeper: Sweeper;
let batches: BatchStore;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  bench = await openJobBench(server);
  batches = new BatchStore(bench.records);
  sweeper = new Sweeper({
    sweep: bench.sweep,
    producers: bench.producers,
    keyPrefix: bench.keyPrefix,
    queues: () => [QUEUE, CHUNKS],
    resultTtlMs: RESULT_TTL_MS,
    log: silentLog,
  });
});
afterEach(() => bench.close());

async function claim(id: string, leaseMs = 60_000): Promise<ClaimedJob> {
  const [taken] = await bench.claim([id], leaseMs);
  if (taken?.kind !== 'run') throw new Error(`not claimed: ${taken?.kind}`);
  return taken.job;
}

/** Every way in which a job ends. */
const ENDS: ((submit: (more?: Partial<NewJob>) => Promise<string>) => Promise<unknown>)[] = [
  async (submit) => bench.leases.commit(RUN, [{ ...(await claim(await submit())), ok: true, result: {} }]),
  async (submit) => {
    const job = await claim(await submit({ expiresInMs: 60_000 }));
    return bench.leases.commit(RUN, [{ ...job, ok: false, code: 'model_error', message: '' }]);
  },
  async (submit) => bench.store.cancel(await submit({ expiresInMs: 60_000 }), undefined),
  async (submit) => {
    const job = await claim(await submit());
    await bench.store.cancel(job.id, undefined);
    return bench.leases.retry([{ ...job, code: 'timeout', message: '' }]);
  },
  (submit) => submit({ expiresInMs: 0 }),
  async (submit) => claim(await submit({ maxAttempts: 1 }), 0),
  async (submit) => {
    const job = await claim(await submit({ maxAttempts: 2 }));
    await bench.leases.retry([{ ...job, code: 'timeout', message: '' }]);
    return bench.leases.retry([{ ...(await claim(job.id)), code: 'timeout', message: '' }]);
  },
  async (submit) => {
    const job = await claim(await submit({ expiresInMs: 60_000 }));
    await bench.leases.release([job]);
    return bench.store.cancel(job.id, undefined);
  },
];

const limits = { chunkRows: 1, timeoutMs: 60_000, resultTtlMs: RESULT_TTL_MS };

/** A batch whose chunks succeed, fail, run while it is canceled, or never run; or whose upload ends nowhere. */
async function runBatch(owner: string, round: number): Promise<void> {
  const id = uuidv7();
  const more = { owner, strict: round % 2 === 0, maxAttempts: 1, ...limits };
  await batches.create({ id, model: QUEUE, queue: CHUNKS, idempotencyKey: `batch-${round}`, ...more }, 999);
  const invalid = { 0: [{ pointer: '#/x', detail: 'is required' }] };
  for (let number = 0; number < 3; number += 1) {
    await batches.add(id, {
      number,
      rows: 1,
      columns: Buffer.from('x'),
      invalid: number === 1 ? invalid : {},
    });
  }
  const how = round % 4;
  if (how === 3) return how === round ? batches.abort(id) : undefined;
  await batches.complete(id, 'f');
  const run = { queue: CHUNKS, modelVersion: '1', outputs: [], rowsSucceeded: 1, rowsFailed: 0 };
  const [first, second] = [await claim(`${id}:0`), await claim(`${id}:1`, 0)];
  if (how > 0) await batches.cancel(id, undefined);
  await new ChunkLeases(bench.records).commit(first, run);
  if (how > 1) return;
  await bench.leases.commit(RUN, [{ ...second, ok: false, code: 'timeout', message: '' }]);
  if (how === 0) await new ChunkLeases(bench.records).commit(await claim(`${id}:2`), run);
}

/** Names of all keys, ids and times left out, and whether each has a time to live. */
async function leftOver(): Promise<Record<string, boolean>> {
  const left: Record<string, boolean> = {};
  for (let cursor = '0'; ; ) {
    const scanned = await bench.redis.command([
      'SCAN',
      cursor,
      'MATCH',
      `${bench.keyPrefix}*`,
      'COUNT',
      '1000',
    ]);
    const [next, keys] = Array.isArray(scanned) ? scanned : [];
    for (const key of Array.isArray(keys) ? keys.map(String) : []) {
      const name = key
        .slice(bench.keyPrefix.length)
        .replaceAll(/:\d{10}$/g, ':<second>')
        .replaceAll(/:\d{8}$/g, ':<minute>');
      left[name] = Number(await bench.redis.command(['PTTL', key])) > 0;
    }
    cursor = String(next);
    if (cursor === '0') return left;
  }
}

it('keeps nothing of jobs and batches that ended, however they ended, but their numbers', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const owner = ['', 'ann', 'bob'][round % 3] ?? '';
    const submit = (more: Partial<NewJob> = {}): Promise<string> =>
      bench.submit({
        owner,
        requestId: `request-${round % 5}`,
        resultTtlMs: RESULT_TTL_MS,
        idempotency: { caller: owner, key: uuidv7(), fingerprint: 'f' },
        ...more,
      });
    await Promise.all(ENDS.map((end) => end(submit)));
    await runBatch(owner, round);
  }
  // Uploads that broke off count as dead after a while.
  const accepting = bench.records.key('accepting');
  const silent = await bench.redis.command(['ZRANGE', accepting, '0', '-1']);
  for (const id of Array.isArray(silent) ? silent : []) {
    await bench.redis.command(['ZADD', accepting, '1', String(id)]);
  }
  const ending = new Set([
    `waggle:done:${QUEUE}:<second>`,
    `waggle:done:${CHUNKS}:<second>`,
    `waggle:minute:${QUEUE}:<minute>`,
  ]);
  let names: string[] = [];
  const isClean = async (): Promise<boolean> => {
    await sweeper.pass();
    names = Object.entries(await leftOver()).flatMap(([name, ends]) =>
      ends && ending.has(name) ? [] : [name],
    );
    return names.length === 1;
  };
  await until(isClean, { timeoutMs: 5_000 }).catch(() => undefined);
  expect(names).toEqual(['waggle:counts']);
  const counted = await bench.redis.command(['HKEYS', bench.records.key('counts')]);
  const states = ['canceled', 'expired', 'failed', 'submitted', 'succeeded'];
  expect(Array.isArray(counted) ? counted.map(String).toSorted() : []).toEqual(
    states.map((state) => `${QUEUE}:${state}`),
  );
});

it('finds a job by its request id for as long as it is there, though others of that id have gone', async () => {
  const index = bench.records.key('request::same');
  const submit = (resultTtlMs: number) => bench.submit({ requestId: 'same', resultTtlMs });
  const first = await submit(RESULT_TTL_MS);
  const waits = await submit(60_000);
  await bench.store.cancel(first, undefined);
  const last = await submit(RESULT_TTL_MS);
  await bench.store.cancel(last, undefined);
  const late = await submit(60_000);
  await until(async () => !(await bench.store.find(last)), { what: 'the end of the records' });
  const ids = await bench.redis.command(['ZRANGE', index, '0', '-1']);
  expect(ids).toEqual([first, waits, last, late]);
  for (const id of [late, waits]) {
    await bench.store.cancel(id, undefined);
    expect(await bench.redis.command(['PTTL', index])).toBeGreaterThan(0);
  }
});
