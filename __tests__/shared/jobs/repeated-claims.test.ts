import type { ClaimRequest } from '../../../shared/jobs/job-leases.js';
import { JobLeases } from '../../../shared/jobs/job-leases.js';
import { RecordScripts } from '../../../shared/records/records.js';
import { QUEUE, useJobRig } from '../../support/rigs/job-rig.js';

const LEASE_MS = 15_000;
const RUN = { queue: QUEUE, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 1 };

const rig = useJobRig();
/** The same worker on the link that it had before: what arrives here was sent earlier. */
let oldLink: JobLeases;
beforeEach(async () => {
  oldLink = new JobLeases(new RecordScripts(await rig.server.connect(), rig.keyPrefix));
});

const first = (jobId: string): ClaimRequest => ({ jobId, delivery: 1, claimId: 'w1:1' });
const claim = async (request: ClaimRequest, { leases = rig.leases, leaseMs = LEASE_MS } = {}) =>
  (await leases.claim([request], leaseMs))[0];
const claimed = async (request: ClaimRequest, leaseMs?: number) => {
  const taken = await claim(request, leaseMs === undefined ? {} : { leaseMs });
  if (taken?.kind !== 'run') throw new Error(`not claimed: ${taken?.kind}`);
  return taken.job;
};
const leaseEnd = async (id: string): Promise<number> =>
  Number(await rig.redis.command(['ZSCORE', rig.records.key('running'), id]));

it('answers a repeated claim as it did first, counts one attempt, and renews the lease', async () => {
  const id = await rig.submit({ maxAttempts: 1 });
  const before = await claimed(first(id), 1_000);
  const endMs = await leaseEnd(id);
  expect(await claimed(first(id))).toEqual(before);
  expect(await leaseEnd(id)).toBeGreaterThan(endMs + 1_000);
  expect(await rig.store.find(id)).toMatchObject({ state: 'running', attempts: 1 });
  expect(await rig.leases.commit(RUN, [{ ...before, ok: true, result: {} }])).toEqual(['committed']);
});

it('answers it also when the lease was over meanwhile and nobody had taken the job', async () => {
  const id = await rig.submit({ maxAttempts: 1 });
  const before = await claimed(first(id), 0);
  expect(await claimed(first(id))).toEqual(before);
  expect(await rig.sweep.reap({ offset: 0, limit: 10 })).toEqual({ found: [], ended: [], next: 0 });
});

it('refuses every other claim of the job: of another worker, and of the same one for the delivery come again', async () => {
  const id = await rig.submit();
  await claimed(first(id));
  for (const claimId of ['w2:1', 'w1:2', '']) {
    expect(await claim({ ...first(id), claimId })).toEqual({ kind: 'busy', id });
  }
});

it('ends a job that was canceled after a claim whose answer got lost', async () => {
  const id = await rig.submit();
  await claimed(first(id));
  expect(await rig.store.cancel(id, undefined)).toBe('canceling');
  expect(await claim(first(id))).toEqual({ kind: 'ended', id });
  expect((await rig.store.find(id))?.state).toBe('canceled');
});

describe('a claim that Redis gets to see late', () => {
  it('takes nothing of a job that was put back, by a release, a retry, a hand-back or the end of a lease', async () => {
    const putBack: ((id: string) => Promise<unknown>)[] = [
      async (id) => rig.leases.release([await claimed(first(id))]),
      async (id) =>
        rig.leases.retry([{ ...(await claimed(first(id))), code: 'timeout', message: 'too slow' }]),
      (id) => rig.leases.redeliver([first(id)]),
      async (id) => {
        await claimed(first(id), 0);
        await rig.sweep.reap({ offset: 0, limit: 10 });
      },
    ];
    for (const how of putBack) {
      const id = await rig.submit();
      await how(id);
      const { attempts } = (await rig.store.find(id)) ?? {};
      expect(await claim(first(id), { leases: oldLink })).toEqual({ kind: 'busy', id });
      expect(await rig.store.find(id)).toMatchObject({ state: 'queued', attempts });
      expect(await claim({ jobId: id, delivery: 2, claimId: 'w2:1' })).toMatchObject({ kind: 'run' });
    }
  });

  it('changes nothing but the lease while its worker runs the job, and nothing after', async () => {
    const id = await rig.submit();
    const job = await claimed(first(id));
    await claim(first(id), { leases: oldLink });
    expect(await rig.leases.commit(RUN, [{ ...job, ok: true, result: { duration: 1 } }])).toEqual([
      'committed',
    ]);
    const ended = await rig.store.find(id);
    expect(await claim(first(id), { leases: oldLink })).toEqual({ kind: 'ended', id });
    expect(await rig.store.find(id)).toEqual(ended);
    expect(await leaseEnd(id)).toBe(0);
  });

  it('takes nothing from the worker that has the job now', async () => {
    const id = await rig.submit();
    await rig.leases.release([await claimed(first(id))]);
    const job = await claimed({ jobId: id, delivery: 2, claimId: 'w2:1' });
    expect(await claim(first(id), { leases: oldLink })).toEqual({ kind: 'busy', id });
    expect(await rig.leases.commit(RUN, [{ ...job, ok: true, result: {} }])).toEqual(['committed']);
  });
});

describe('a hand-back', () => {
  it('puts a job back that was claimed without the worker getting to know, and takes the attempt back', async () => {
    const id = await rig.submit({ maxAttempts: 1 });
    await claimed(first(id));
    expect(await rig.leases.redeliver([first(id)])).toEqual([2]);
    expect(await rig.store.find(id)).toMatchObject({ state: 'queued', attempts: 0 });
    expect(await rig.leases.redeliver([first(id)])).toEqual([undefined]);
  });

  it("leaves a job alone that another claim holds, or that somebody's claim holds whom it does not name", async () => {
    const id = await rig.submit();
    await claimed(first(id));
    for (const claimId of ['w2:1', '']) {
      expect(await rig.leases.redeliver([{ ...first(id), claimId }])).toEqual([undefined]);
    }
    expect((await rig.store.find(id))?.state).toBe('running');
  });

  it('ends a job that was canceled meanwhile', async () => {
    const id = await rig.submit();
    await claimed(first(id));
    await rig.store.cancel(id, undefined);
    expect(await rig.leases.redeliver([first(id)])).toEqual([undefined]);
    expect((await rig.store.find(id))?.state).toBe('canceled');
  });
});

it('takes a whole micro-batch again, each job as it stands', async () => {
  const ids = await Promise.all(Array.from({ length: 5 }, () => rig.submit({ maxAttempts: 1 })));
  const requests = ids.map((jobId, index) => ({ jobId, delivery: 1, claimId: `w1:${index}` }));
  const before = await rig.leases.claim(requests.slice(0, 3), LEASE_MS);
  await rig.store.cancel(ids[1] ?? '', undefined);
  const again = await rig.leases.claim(requests, LEASE_MS);
  expect(again.map(({ kind }) => kind)).toEqual(['run', 'ended', 'run', 'run', 'run']);
  expect([again[0], again[2]]).toEqual([before[0], before[2]]);
});
