import type { ClaimedJob } from '../../../shared/jobs/claimed-job.js';
import { type ClaimRequest, JobLeases } from '../../../shared/jobs/job-leases.js';
import { RecordScripts } from '../../../shared/records/records.js';
import { newClaim, QUEUE, useJobRig } from '../../support/rigs/job-rig.js';

const LEASE_MS = 15_000;
const RUN = { queue: QUEUE, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 1 };
const TIMEOUT = { delayMs: 0, code: 'timeout', message: 'too slow' } as const;

const rig = useJobRig();
/** The same worker on the link that it had before: what arrives here was sent earlier. */
let oldLink: JobLeases;
beforeEach(async () => {
  oldLink = new JobLeases(new RecordScripts(await rig.server.connect(), rig.keyPrefix));
});

const FIRST = newClaim({ claimer: 'w1', number: 1 });
const claim = async (
  request: ClaimRequest = FIRST,
  { leases = rig.leases, leaseMs = LEASE_MS } = {},
): Promise<ClaimedJob[]> => (await leases.claim(request, leaseMs)).jobs;
async function claimed(request: ClaimRequest = FIRST, leaseMs = LEASE_MS): Promise<ClaimedJob> {
  const [job] = await claim(request, { leaseMs });
  if (!job) throw new Error('nothing claimed');
  return job;
}
const idsOf = (jobs: readonly ClaimedJob[]): string[] => jobs.map(({ id }) => id);
const leaseEnd = async (id: string): Promise<number> =>
  Number(await rig.redis.command(['ZSCORE', rig.records.key('running'), id]));
const succeed = (job: ClaimedJob) =>
  rig.leases.commit(RUN, [{ job, verdict: { ok: true, result: { duration: 1 } } }]);

it('answers a repeated claim as it did first, counts one attempt, and renews the lease', async () => {
  const id = await rig.submit({ maxAttempts: 1 });
  const before = await claimed(FIRST, 1_000);
  const endMs = await leaseEnd(id);
  expect(await claimed()).toEqual({ ...before, isFirst: false });
  expect(await leaseEnd(id)).toBeGreaterThan(endMs + 1_000);
  expect(await rig.store.find(id)).toMatchObject({ state: 'running', attempts: 1 });
  expect(await succeed(before)).toEqual(['committed']);
});

it('answers it also when the lease was over meanwhile and nobody had taken the job', async () => {
  await rig.submit({ maxAttempts: 1 });
  const before = await claimed(FIRST, 0);
  expect(await claimed()).toEqual({ ...before, isFirst: false });
  expect(await rig.sweep.reap(10)).toEqual([]);
});

it('gives nothing of it to another claim, of another worker or of the same one', async () => {
  await rig.submit();
  await claimed();
  for (const changes of [{ claimer: 'w2' }, { number: 2 }]) {
    expect(await claim({ ...FIRST, ...changes })).toEqual([]);
  }
});

it('ends a job that was canceled after a claim whose answer got lost', async () => {
  const id = await rig.submit();
  await claimed();
  expect(await rig.store.cancel(id, undefined)).toBe('canceling');
  expect(await claim()).toEqual([]);
  expect((await rig.store.find(id))?.state).toBe('canceled');
});

it('takes nothing more than it took first, also where that was nothing', async () => {
  expect(await claim()).toEqual([]);
  const id = await rig.submit();
  expect((await rig.leases.claim(FIRST, LEASE_MS)).mayBeMore).toBe(true);
  expect(await claim(FIRST, { leases: oldLink })).toEqual([]);
  expect(idsOf(await claim({ ...FIRST, number: 2 }))).toEqual([id]);
});

it('takes a whole micro-batch again, each job as it stands, in a fleet that holds thousands of others', async () => {
  const others = Array.from({ length: 5_000 }, (_, n) => ['1', `other-${n}`]).flat();
  await rig.redis.command(['ZADD', rig.records.key('running'), ...others]);
  const ids = await Promise.all(Array.from({ length: 5 }, () => rig.submit({ maxAttempts: 1 })));
  const before = await claim({ ...FIRST, most: 4 });
  await rig.store.cancel(ids[1] ?? '', undefined);
  await rig.leases.release(before.slice(2, 3));
  const again = await claim({ ...FIRST, most: 4 });
  expect(idsOf(again)).toEqual([ids[0], ids[3]]);
  expect(again.map(({ hold }) => hold)).toEqual([before[0]?.hold, before[3]?.hold]);
});

describe('a claim that Redis gets to see late', () => {
  it('takes nothing of a job that was put back, by a release, a retry or the end of a lease', async () => {
    const putBack: ((request: ClaimRequest) => Promise<unknown>)[] = [
      async (request) => rig.leases.release([await claimed(request)]),
      async (request) => rig.leases.retry([{ job: await claimed(request), ...TIMEOUT }]),
      async (request) => {
        await claimed(request, 0);
        await rig.sweep.reap(10);
      },
    ];
    for (const how of putBack) {
      const id = await rig.submit();
      const request = newClaim();
      await how(request);
      const { attempts } = (await rig.store.find(id)) ?? {};
      expect(await claim(request, { leases: oldLink })).toEqual([]);
      expect(await rig.store.find(id)).toMatchObject({ state: 'queued', attempts });
      expect(idsOf(await claim(newClaim()))).toEqual([id]);
    }
  });

  it('changes nothing but the lease while its worker runs the job, and nothing after', async () => {
    const id = await rig.submit();
    const job = await claimed();
    await claim(FIRST, { leases: oldLink });
    expect(await succeed(job)).toEqual(['committed']);
    const ended = await rig.store.find(id);
    expect(await claim(FIRST, { leases: oldLink })).toEqual([]);
    expect(await rig.store.find(id)).toEqual(ended);
    expect(await leaseEnd(id)).toBe(0);
  });

  it('takes nothing when its claimer has claimed again since, from nobody', async () => {
    const [id, other] = [await rig.submit(), await rig.submit()];
    await rig.leases.release([await claimed({ ...FIRST, most: 1 })]);
    const job = await claimed({ ...FIRST, number: 2, most: 1 });
    expect(job.id).toBe(id);
    expect(await claim(FIRST, { leases: oldLink })).toEqual([]);
    expect(await succeed(job)).toEqual(['committed']);
    expect((await rig.store.find(other))?.state).toBe('queued');
  });
});
