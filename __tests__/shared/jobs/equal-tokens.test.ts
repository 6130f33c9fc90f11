import { v7 as uuidv7 } from 'uuid';
import { BatchStore } from '../../../shared/batches/batch-store.js';
import { ChunkLeases } from '../../../shared/batches/chunk-leases.js';
import type { ClaimedJob, Outcome } from '../../../shared/jobs/claimed-job.js';
import { QUEUE, useJobRig } from '../../support/rigs/job-rig.js';

const rig = useJobRig();

const RUN = { queue: QUEUE, modelVersion: '1.0.0', prepareMs: 0, predictMs: 0, batchSize: 1 };
const TIMEOUT = { delayMs: 0, code: 'timeout', message: '' } as const;
const LEASE_MS = 60_000;

const goodOf = (job: ClaimedJob, result = {}): Outcome => ({ job, verdict: { ok: true, result } });

/**
 * Claims what waits for one worker; has Redis forget that, as a failover to a replica that had not heard of it does; and claims
 * it for another.
 */
async function claimedTwice(queue = QUEUE): Promise<[ClaimedJob, ClaimedJob]> {
  const { redis, records } = rig;
  const lane = records.key(`queued:${queue}:normal`);
  await redis.command(['COPY', lane, `${lane}:replica`]);
  const [before] = await rig.claim(1, LEASE_MS, { queue });
  await redis.command(['RENAME', `${lane}:replica`, lane]);
  await redis.command(['DEL', ...['running', 'holds', 'token'].map((name) => records.key(name))]);
  const [after] = await rig.claim(1, LEASE_MS, { queue });
  if (!before || !after) throw new Error('not claimed');
  const tokens = [before, after].map(({ hold }) => hold.split(' ')[0]);
  expect(tokens).toEqual(['1', '1']);
  return [before, after];
}

it('refuses every write of a claim that a failover lost, though its token equals that of the claim after it', async () => {
  await rig.submit();
  const [before, after] = await claimedTwice();
  expect([
    await rig.leases.renew([before], LEASE_MS),
    await rig.leases.retry([{ job: before, ...TIMEOUT }]),
    await rig.leases.release([before]),
    await rig.leases.commit(RUN, [goodOf(before, { by: 'before' })]),
  ]).toEqual([['lost'], ['stale'], ['stale'], ['stale']]);
  expect(await rig.leases.renew([after], LEASE_MS)).toEqual(['ok']);
  expect(await rig.leases.commit(RUN, [goodOf(after, { by: 'after' })])).toEqual(['committed']);
  expect(await rig.leases.commit(RUN, [goodOf(before, { by: 'before' })])).toEqual(['stale']);
  expect(await rig.store.find(after.id)).toMatchObject({ state: 'succeeded', resultJson: '{"by":"after"}' });
});

it('refuses the results of a chunk whose claim a failover lost', async () => {
  const batches = new BatchStore(rig.records);
  const chunks = new ChunkLeases(rig.records);
  const id = uuidv7();
  const queue = `${QUEUE}.chunks`;
  const limits = { chunkRows: 4, timeoutMs: 60_000, maxAttempts: 2, resultTtlMs: 60_000, queueTtlMs: 60_000 };
  await batches.create({ id, model: QUEUE, queue, owner: '', strict: false, ...limits }, 9);
  await batches.add(id, { number: 0, rows: 1, columns: Buffer.from('columns'), invalid: {} });
  const [before, after] = await claimedTwice(queue);
  const run = (value: number) => ({
    modelVersion: '1.0.0',
    outputs: { rows: 1, values: [Float32Array.of(value)] },
    rowsSucceeded: 1,
    rowsFailed: 0,
  });
  expect(await chunks.commit(before, run(1))).toBe('stale');
  expect(await chunks.commit(after, run(2))).toBe('committed');
});

it('answers a commit whose answer got lost as committed, counts it once, and says what is gone', async () => {
  const good = await rig.submit();
  await rig.submit();
  const [first, second] = await rig.claim(2);
  if (!first || !second) throw new Error('not claimed');
  const failed: Outcome = { job: second, verdict: { ok: false, code: 'model_error', message: 'no' } };
  const outcomes = [goodOf(first), failed];
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
  await rig.submit({ maxAttempts: 1 });
  const [job] = await rig.claim(1, 0);
  if (!job) throw new Error('not claimed');
  await rig.sweep.reap(10);
  const failed: Outcome = { job, verdict: { ok: false, code: 'model_error', message: 'no' } };
  expect(await rig.leases.commit(RUN, [failed])).toEqual(['stale']);
  expect(await rig.leases.commit(RUN, [goodOf(job)])).toEqual(['stale']);
});
