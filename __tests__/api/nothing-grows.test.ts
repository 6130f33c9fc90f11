import { v7 as uuidv7 } from 'uuid';
import { Sweeper } from '../../api/sweeper.js';
import { BatchStore } from '../../shared/batches/batch-store.js';
import { ChunkLeases } from '../../shared/batches/chunk-leases.js';
import type { ClaimedJob } from '../../shared/jobs/job-leases.js';
import type { NewJob } from '../../shared/jobs/job-store.js';
import { QUEUE, useJobRig } from '../support/rigs/job-rig.js';
import { until } from '../support/latch.js';
import { silentLog } from '../support/silent-log.js';

const CHUNKS = `${QUEUE}.chunks`;
const RESULT_TTL_MS = 20;
const ROUNDS = 30;
const RUN = { queue: QUEUE, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 1 };

const rig = useJobRig();
let sweeper: Sweeper;
let batches: BatchStore;
beforeEach(() => {
  batches = new BatchStore(rig.records);
  sweeper = new Sweeper({
    sweep: rig.sweep,
    producers: rig.producers,
    keyPrefix: rig.keyPrefix,
    queues: () => [QUEUE, CHUNKS],
    resultTtlMs: RESULT_TTL_MS,
    log: silentLog,
  });
});

async function claim(id: string, leaseMs = 60_000): Promise<ClaimedJob> {
  const [taken] = await rig.claim([id], leaseMs);
  if (taken?.kind !== 'run') throw new Error(`not claimed: ${taken?.kind}`);
  return taken.job;
}

/** Every way in which a job ends. */
const ENDS: ((submit: (more?: Partial<NewJob>) => Promise<string>) => Promise<unknown>)[] = [
  async (submit) => rig.leases.commit(RUN, [{ ...(await claim(await submit())), ok: true, result: {} }]),
  async (submit) => {
    const job = await claim(await submit({ expiresInMs: 60_000 }));
    return rig.leases.commit(RUN, [{ ...job, ok: false, code: 'model_error', message: '' }]);
  },
  async (submit) => rig.store.cancel(await submit({ expiresInMs: 60_000 }), undefined),
  async (submit) => {
    const job = await claim(await submit());
    await rig.store.cancel(job.id, undefined);
    return rig.leases.retry([{ ...job, code: 'timeout', message: '' }]);
  },
  (submit) => submit({ expiresInMs: 0 }),
  async (submit) => claim(await submit({ maxAttempts: 1 }), 0),
  async (submit) => {
    const job = await claim(await submit({ maxAttempts: 2 }));
    await rig.leases.retry([{ ...job, code: 'timeout', message: '' }]);
    return rig.leases.retry([{ ...(await claim(job.id)), code: 'timeout', message: '' }]);
  },
  async (submit) => {
    const job = await claim(await submit({ expiresInMs: 60_000 }));
    await rig.leases.release([job]);
    return rig.store.cancel(job.id, undefined);
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
  await new ChunkLeases(rig.records).commit(first, run);
  if (how > 1) return;
  await rig.leases.commit(RUN, [{ ...second, ok: false, code: 'timeout', message: '' }]);
  if (how === 0) await new ChunkLeases(rig.records).commit(await claim(`${id}:2`), run);
}

/** Names of all keys, ids and times left out, and whether each has a time to live. */
async function leftOver(): Promise<Record<string, boolean>> {
  const left: Record<string, boolean> = {};
  for (let cursor = '0'; ; ) {
    const scanned = await rig.redis.command(['SCAN', cursor, 'MATCH', `${rig.keyPrefix}*`, 'COUNT', '1000']);
    const [next, keys] = Array.isArray(scanned) ? scanned : [];
    for (const key of Array.isArray(keys) ? keys.map(String) : []) {
      const name = key
        .slice(rig.keyPrefix.length)
        .replaceAll(/:\d{10}$/g, ':<second>')
        .replaceAll(/:\d{8}$/g, ':<minute>');
      left[name] = Number(await rig.redis.command(['PTTL', key])) > 0;
    }
    cursor = String(next);
    if (cursor === '0') return left;
  }
}

it('keeps nothing of jobs and batches that ended, however they ended, but their numbers', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const owner = ['', 'ann', 'bob'][round % 3] ?? '';
    const submit = (more: Partial<NewJob> = {}): Promise<string> =>
      rig.submit({
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
  const accepting = rig.records.key('accepting');
  const silent = await rig.redis.command(['ZRANGE', accepting, '0', '-1']);
  for (const id of Array.isArray(silent) ? silent : []) {
    await rig.redis.command(['ZADD', accepting, '1', String(id)]);
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
  const counted = await rig.redis.command(['HKEYS', rig.records.key('counts')]);
  const states = ['canceled', 'expired', 'failed', 'submitted', 'succeeded'];
  expect(Array.isArray(counted) ? counted.map(String).toSorted() : []).toEqual(
    states.map((state) => `${QUEUE}:${state}`),
  );
});

it('finds a job by its request id for as long as it is there, though others of that id have gone', async () => {
  const index = rig.records.key('request::same');
  const submit = (resultTtlMs: number) => rig.submit({ requestId: 'same', resultTtlMs });
  const first = await submit(RESULT_TTL_MS);
  const waits = await submit(60_000);
  await rig.store.cancel(first, undefined);
  const last = await submit(RESULT_TTL_MS);
  await rig.store.cancel(last, undefined);
  const late = await submit(60_000);
  await until(async () => !(await rig.store.find(last)), { what: 'the end of the records' });
  const ids = await rig.redis.command(['ZRANGE', index, '0', '-1']);
  expect(ids).toEqual([first, waits, last, late]);
  for (const id of [late, waits]) {
    await rig.store.cancel(id, undefined);
    expect(await rig.redis.command(['PTTL', index])).toBeGreaterThan(0);
  }
});
