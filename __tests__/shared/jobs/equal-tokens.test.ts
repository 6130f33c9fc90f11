import { v7 as uuidv7 } from 'uuid';
import { BatchStore } from '../../../shared/batches/batch-store.js';
import { ChunkLeases } from '../../../shared/batches/chunk-leases.js';
import type { ClaimedJob, ClaimRequest, Outcome } from '../../../shared/jobs/job-leases.js';
import { QUEUE, useJobRig } from '../../support/rigs/job-rig.js';

const rig = useJobRig();

const RUN = { queue: QUEUE, modelVersion: '1.0.0', prepareMs: 0, predictMs: 0, batchSize: 1 };

async function claimed(request: ClaimRequest): Promise<ClaimedJob> {
  const [claim] = await rig.leases.claim([request], 60_000);
  if (claim?.kind !== 'run') throw new Error(`not claimed: ${claim?.kind}`);
  return claim.job;
}

/**
 * Claims a job for one worker; has Redis forget that, as a failover to a replica that had not heard of it does; and claims it
 * for another.
 */
async function claimedTwice(jobId: string, queue = QUEUE): Promise<[ClaimedJob, ClaimedJob]> {
  const { redis, records } = rig;
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
  const [before, after] = await claimedTwice(await rig.submit());
  expect([
    await rig.leases.renew([before], 60_000),
    await rig.leases.retry([{ ...before, code: 'timeout', message: '' }]),
    await rig.leases.release([before]),
    await rig.leases.commit(RUN, [{ ...before, ok: true, result: { by: 'before' } }]),
  ]).toEqual([['lost'], [{ kind: 'stale' }], [{ kind: 'stale' }], ['stale']]);
  expect(await rig.leases.renew([after], 60_000)).toEqual(['ok']);
  const outcome = { ...after, ok: true as const, result: { by: 'after' } };
  expect(await rig.leases.commit(RUN, [outcome])).toEqual(['committed']);
  expect(await rig.leases.commit(RUN, [{ ...before, ok: true, result: { by: 'before' } }])).toEqual([
    'stale',
  ]);
  expect(await rig.store.find(after.id)).toMatchObject({ state: 'succeeded', result: { by: 'after' } });
});

it('refuses the results of a chunk whose claim a failover lost', async () => {
  const batches = new BatchStore(rig.records);
  const chunks = new ChunkLeases(rig.records);
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
  const [good, bad] = [await rig.submit(), await rig.submit()];
  const claim = (jobId: string) => claimed({ jobId, delivery: 1, claimId: `of ${jobId}` });
  const outcomes: Outcome[] = [
    { ...(await claim(good)), ok: true, result: {} },
    { ...(await claim(bad)), ok: false, code: 'model_error', message: 'no' },
  ];
  for (let times = 0; times < 2; times += 1) {
    expect(await rig.leases.commit(RUN, outcomes)).toEqual(['committed', 'committed']);
  }
  const counts = await rig.redis.command([
    'HMGET',
    rig.records.key('counts'),
    `${QUEUE}:succeeded`,
    `${QUEUE}:failed`,
  ]);
  expect(counts).toEqual(['1', '1']);
  await rig.redis.command(['DEL', rig.records.key(`job:${good}`)]);
  expect(await rig.leases.commit(RUN, outcomes)).toEqual(['gone', 'committed']);
});

it('does not call an outcome committed where the sweeper ended the job before', async () => {
  const jobId = await rig.submit({ maxAttempts: 1 });
  const [claim] = await rig.leases.claim([{ jobId, delivery: 1, claimId: 'c' }], 0);
  if (claim?.kind !== 'run') throw new Error('not claimed');
  await rig.sweep.reap({ offset: 0, limit: 10 });
  const failed = { ...claim.job, ok: false as const, code: 'model_error' as const, message: 'no' };
  expect(await rig.leases.commit(RUN, [failed])).toEqual(['stale']);
  expect(await rig.leases.commit(RUN, [{ ...claim.job, ok: true, result: {} }])).toEqual(['stale']);
});
