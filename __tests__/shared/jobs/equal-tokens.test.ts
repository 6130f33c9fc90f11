import { v7 as uuidv7 } from 'uuid';
import { BatchStore } from '../../../shared/batches/batch-store.js';
import { ChunkLeases } from '../../../shared/batches/chunk-leases.js';
import type { ClaimedJob, ClaimRequest, Outcome } from '../../../shared/jobs/job-leases.js';
import { type JobBench, openJobBench, QUEUE } from '../../support/jobs.js';
import { startRedis, type TestRedis } from '../../support/redis.js';

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

const RUN = { queue: QUEUE, modelVersion: '1.0.0', prepareMs: 0, predictMs: 0, batchSize: 1 };

async function claimed(request: ClaimRequest): Promise<ClaimedJob> {
  const [claim] = await bench.leases.claim([request], 60_000);
  if (claim?.kind !== 'run') throw new Error(`not claimed: ${claim?.kind}`);
  return claim.job;
}

/**
 * Claims a job for one worker; has Redis forget that, as a failover to a replica that had not heard of it does; and claims it
 * for another.
 */
async function claimedTwice(jobId: string, queue = QUEUE): Promise<[ClaimedJob, ClaimedJob]> {
  const { redis, records } = bench;
  const keys = [records.key(`job:${jobId}`), records.key(`queued:${queue}`)];
  await Promise.all(keys.map((key) => redis.command(['COPY', key, `${key}:replica`])));
  const before = await claimed({ jobId, delivery: 1, claimId: 'before' });
  await Promise.all(keys.map((key) => redis.command(['COPY', `${key}:replica`, key, 'REPLACE'])));
  await redis.command(['DEL', records.key('running'), ...keys.map((key) => `${key}:replica`)]);
  const after = await claimed({ jobId, delivery: 1, claimId: 'after' });
  expect(before.token).toBe(after.token);
  return [before, after];
}

it('refuses every write of a claim that a failover lost, though its token equals that of the claim after it', async () => {
  const [before, after] = await claimedTwice(await bench.submit());
  expect([
    await bench.leases.renew([before], 60_000),
    await bench.leases.retry([{ ...before, code: 'timeout', message: '' }]),
    await bench.leases.release([before]),
    await bench.leases.commit(RUN, [{ ...before, ok: true, result: { by: 'before' } }]),
  ]).toEqual([['lost'], [{ kind: 'stale' }], [{ kind: 'stale' }], ['stale']]);
  expect(await bench.leases.renew([after], 60_000)).toEqual(['ok']);
  const outcome = { ...after, ok: true as const, result: { by: 'after' } };
  expect(await bench.leases.commit(RUN, [outcome])).toEqual(['committed']);
  expect(await bench.leases.commit(RUN, [{ ...before, ok: true, result: { by: 'before' } }])).toEqual([
    'stale',
  ]);
  expect(await bench.store.find(after.id)).toMatchObject({ state: 'succeeded', result: { by: 'after' } });
});

it('refuses the results of a chunk whose claim a failover lost', async () => {
  const batches = new BatchStore(bench.records);
  const chunks = new ChunkLeases(bench.records);
  const queue = `${QUEUE}.chunks`;
  const batch = {
    id: uuidv7(),
    model: QUEUE,
    queue,
    owner: '',
    chunkRows: 4,
    strict: false,
    resultTtlMs: 60_000,
  };
  await batches.create({ ...batch, timeoutMs: 60_000, maxAttempts: 2 }, 9);
  const columns = Buffer.from('columns');
  const chunk = await batches.add(batch.id, { number: 0, rows: 1, columns, invalid: {} });
  const [before, after] = await claimedTwice(chunk ?? '', queue);
  const run = (value: number) => ({
    queue: QUEUE,
    modelVersion: '1.0.0',
    outputs: [Float32Array.of(value)],
    rowsSucceeded: 1,
    rowsFailed: 0,
  });
  expect(await chunks.commit(before, run(1))).toBe('stale');
  expect(await chunks.commit(after, run(2))).toBe('committed');
});

it('answers a commit whose answer got lost as committed, counts it once, and says what is gone', async () => {
  const [good, bad] = [await bench.submit(), await bench.submit()];
  const claim = (jobId: string) => claimed({ jobId, delivery: 1, claimId: `of ${jobId}` });
  const outcomes: Outcome[] = [
    { ...(await claim(good)), ok: true, result: {} },
    { ...(await claim(bad)), ok: false, code: 'model_error', message: 'no' },
  ];
  for (let times = 0; times < 2; times += 1) {
    expect(await bench.leases.commit(RUN, outcomes)).toEqual(['committed', 'committed']);
  }
  const counts = await bench.redis.command([
    'HMGET',
    bench.records.key('counts'),
    `${QUEUE}:succeeded`,
    `${QUEUE}:failed`,
  ]);
  expect(counts).toEqual(['1', '1']);
  await bench.redis.command(['DEL', bench.records.key(`job:${good}`)]);
  expect(await bench.leases.commit(RUN, outcomes)).toEqual(['gone', 'committed']);
});

it('does not call an outcome committed where the sweeper ended the job before', async () => {
  const jobId = await bench.submit({ maxAttempts: 1 });
  const [claim] = await bench.leases.claim([{ jobId, delivery: 1, claimId: 'c' }], 0);
  if (claim?.kind !== 'run') throw new Error('not claimed');
  await bench.sweep.reap({ offset: 0, limit: 10 });
  const failed = { ...claim.job, ok: false as const, code: 'model_error' as const, message: 'no' };
  expect(await bench.leases.commit(RUN, [failed])).toEqual(['stale']);
  expect(await bench.leases.commit(RUN, [{ ...claim.job, ok: true, result: {} }])).toEqual(['stale']);
});
