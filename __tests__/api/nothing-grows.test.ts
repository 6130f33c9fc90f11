import { v7 as uuidv7 } from 'uuid';
import { Sweeper } from '../../api/sweeper.js';
import { BatchStore } from '../../shared/batches/batch-store.js';
import { ChunkLeases } from '../../shared/batches/chunk-leases.js';
import type { ClaimedJob, Verdict } from '../../shared/jobs/claimed-job.js';
import { listJobs } from '../../shared/jobs/job-list.js';
import type { NewJob } from '../../shared/jobs/new-job.js';
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
  sweeper = new Sweeper({ sweep: rig.sweep, models: () => [], log: silentLog });
});

const claim = async (id: string, leaseMs = 60_000): Promise<ClaimedJob> => {
  const [job] = await rig.claimIds([id], leaseMs);
  if (!job) throw new Error('not claimed');
  return job;
};
const failed = (job: ClaimedJob) => ({ job, delayMs: 0, code: 'timeout', message: '' }) as const;
const end = (job: ClaimedJob, verdict: Verdict) => rig.leases.commit(RUN, [{ job, verdict }]);
const BAD: Verdict = { ok: false, code: 'model_error', message: '' };

/** Every way in which a job ends. */
const ENDS: ((submit: (more?: Partial<NewJob>) => Promise<string>) => Promise<unknown>)[] = [
  async (submit) => end(await claim(await submit()), { ok: true, result: {} }),
  async (submit) =>
    end(await claim(await submit({ input: { x: 'x'.repeat(5_000) } })), { ok: true, result: {} }),
  async (submit) => end(await claim(await submit({ input: { x: 'x'.repeat(5_000) } })), BAD),
  async (submit) => rig.store.cancel(await submit({ expiresInMs: 30_000 }), undefined),
  async (submit) => rig.store.cancel(await submit({ delayMs: 60_000 }), undefined),
  async (submit) => {
    const job = await claim(await submit());
    await rig.store.cancel(job.id, undefined);
    return rig.leases.retry([failed(job)]);
  },
  (submit) => submit({ expiresInMs: 0 }),
  // Its lease is over: the sweeper puts it back.
  async (submit) => claim(await submit({ maxAttempts: 1, priority: 'high' }), 0),
  async (submit) => {
    const job = await claim(await submit({ maxAttempts: 2 }));
    await rig.leases.retry([failed(job)]);
    return rig.leases.retry([failed(await claim(job.id))]);
  },
  async (submit) => {
    const job = await claim(await submit({ expiresInMs: 30_000, priority: 'low' }));
    await rig.leases.release([job]);
    return rig.store.cancel(job.id, undefined);
  },
];

const limits = { chunkRows: 1, timeoutMs: 60_000, resultTtlMs: RESULT_TTL_MS, queueTtlMs: 60_000 };

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
  if (how === 3) return round === 3 ? batches.abort(id) : undefined;
  await batches.complete(id, 'f');
  const run = { modelVersion: '1', outputs: { rows: 0, values: [] }, rowsSucceeded: 1, rowsFailed: 0 };
  const [first, second] = [await claim(`${id}:0`), await claim(`${id}:1`, 0)];
  if (how > 0) await batches.cancel(id, undefined);
  const chunks = new ChunkLeases(rig.records);
  await chunks.commit(first, run);
  if (how > 1) return;
  await chunks.fail(second, 'model_error', '');
  if (how === 0) await chunks.commit(await claim(`${id}:2`), run);
}

/** Names of all keys, ids and times left out, and whether each has a time to live. */
async function leftOver(): Promise<Record<string, boolean>> {
  const left: Record<string, boolean> = {};
  for (let cursor = '0'; ; ) {
    const scanned = await rig.redis.command(['SCAN', cursor, 'MATCH', `${rig.keyPrefix}*`, 'COUNT', '1000']);
    const [next, keys] = Array.isArray(scanned) ? scanned : [];
    for (const key of Array.isArray(keys) ? keys.map(String) : []) {
      const name = key
        .slice(rig.records.key('').length)
        .replaceAll(/:\d{10}$/g, ':<second>')
        .replaceAll(/:\d{8}$/g, ':<minute>')
        .replaceAll(/^claim:.*/g, 'claim:<claimer>');
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
    for (const how of ENDS) await how(submit);
    await runBatch(owner, round);
  }
  // Uploads that broke off count as dead after a while.
  const accepting = rig.records.key('accepting');
  const silent = await rig.redis.command(['ZRANGE', accepting, '0', '-1']);
  for (const id of Array.isArray(silent) ? silent : []) {
    await rig.redis.command(['ZADD', accepting, '1', String(id)]);
  }
  const ending = new Set([
    `done:${QUEUE}:<second>`,
    `done:${CHUNKS}:<second>`,
    `minute:${QUEUE}:<minute>`,
    'claim:<claimer>',
  ]);
  let names: string[] = [];
  // Of each queue and its lanes there is the time of its order; of all the last numbers, owners and the calls that wait.
  const kept = [
    ...[QUEUE, CHUNKS].flatMap((queue) => [`bq:${queue}:jobs`, `bq:${queue}:waiting`]),
    'calls',
    ...['high', 'low', 'normal'].map((lane) => `clock:${QUEUE}:${lane}`),
    `clock:${CHUNKS}:normal`,
    'counts',
    'owners',
    'token',
  ];
  const isClean = async (): Promise<boolean> => {
    await sweeper.pass();
    // What is left to run is what the sweeper put back.
    for (const job of await rig.claim(99)) await end(job, BAD);
    names = Object.entries(await leftOver()).flatMap(([name, ends]) =>
      ends && ending.has(name) ? [] : [name],
    );
    return names.length === kept.length;
  };
  await until(isClean, { timeoutMs: 5_000 }).catch(() => undefined);
  expect(names.toSorted()).toEqual(kept.toSorted());
  for (const name of kept.filter((one) => one.startsWith('clock:'))) {
    expect(await rig.redis.command(['ZRANGE', rig.records.key(name), '0', '-1'])).toEqual(['=']);
  }
  const counted = await rig.redis.command(['HKEYS', rig.records.key('counts')]);
  const states = ['canceled', 'expired', 'failed', 'submitted', 'succeeded'];
  expect(Array.isArray(counted) ? counted.map(String).toSorted() : []).toEqual(
    states.map((state) => `${QUEUE}:${state}`),
  );
});

it('finds a job by its request id for as long as it is there, though others of that id have gone', async () => {
  const found = async () => {
    const filter = { owner: undefined, states: [], requestId: 'same' };
    const page = await listJobs({ records: rig.records, jobs: rig.store }, filter, { limit: 9 });
    return page.found.map(({ id }) => id);
  };
  const submit = (resultTtlMs: number) => rig.submit({ requestId: 'same', resultTtlMs });
  const [first, waits, last] = [await submit(1), await submit(60_000), await submit(1)];
  for (const id of [first, last]) await rig.store.cancel(id, undefined);
  let forgotten = 0;
  await until(async () => (forgotten += (await sweeper.pass()).forgotten) === 2);
  expect(await found()).toEqual([waits]);
  expect(await rig.redis.command(['ZCARD', rig.records.key('requests')])).toBe(1);
  await rig.store.cancel(waits, undefined);
  expect(await found()).toEqual([waits]);
});
