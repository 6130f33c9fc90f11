import { JobLeases, type TakenAlong } from '../../../shared/jobs/job-leases.js';
import { RecordScripts } from '../../../shared/records/records.js';
import { useJobRig } from '../../support/rigs/job-rig.js';

const LEASE_MS = 15_000;

const rig = useJobRig();

const call = (claimId: string, most: number, isRepeated = false) => ({ claimId, most, isRepeated });
/** Claims nothing that was delivered, and takes along. */
const take = async (claimId: string, most: number, { isRepeated = false, leases = rig.leases } = {}) =>
  (await leases.claimAlong([], rig.bee, call(claimId, most, isRepeated), LEASE_MS)).taken;
const kinds = (taken: readonly TakenAlong[]) => taken.map(({ claim }) => claim.kind);
const idsOf = (taken: readonly TakenAlong[]) =>
  taken.map(({ claim }) => (claim.kind === 'run' ? claim.job.id : claim.id));
const list = (key: string) => rig.redis.command(['LRANGE', key, '0', '-1']);

/** Jobs in the order in which they wait. */
async function submitMany(count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i += 1) ids.push(await rig.submit({ maxAttempts: 1 }));
  return ids;
}

it('takes the oldest that wait, as many as it may, and Bee-Queue counts them as taken', async () => {
  const ids = await submitMany(5);
  const taken = await take('w1:1', 3);
  expect(kinds(taken)).toEqual(['run', 'run', 'run']);
  expect(idsOf(taken)).toEqual(ids.slice(0, 3));
  const names = ids.map((id) => `${id}.1`);
  expect(await list(rig.bee.active)).toEqual(names.slice(0, 3).toReversed());
  expect(await list(rig.bee.waiting)).toEqual(names.slice(3).toReversed());
  expect(idsOf(await take('w1:2', 64))).toEqual(ids.slice(3));
  expect(await take('w1:3', 64)).toEqual([]);
});

it('claims what was delivered in the same call, each with its own answer', async () => {
  const [delivered = '', other = ''] = await submitMany(2);
  await rig.redis.command(['RPOPLPUSH', rig.bee.waiting, rig.bee.active]);
  const request = { jobId: delivered, delivery: 1, claimId: 'w1:1' };
  const { claims, taken } = await rig.leases.claimAlong([request], rig.bee, call('w1:2', 63), LEASE_MS);
  expect(claims).toMatchObject([{ kind: 'run', job: { id: delivered, attempts: 1 } }]);
  expect(taken).toMatchObject([
    { transportId: `${other}.1`, claim: { kind: 'run', job: { id: other, attempts: 1 } } },
  ]);
});

it('leaves nothing in Bee-Queue of what is ended', async () => {
  await submitMany(70);
  const taken = await take('w1:1', 64);
  await rig.redis.command(['SADD', rig.bee.stalling, taken[0]?.transportId ?? '']);
  await rig.leases.endDeliveries(
    taken.map(({ transportId }) => transportId),
    rig.bee,
  );
  expect(await list(rig.bee.active)).toEqual([]);
  expect(await rig.redis.command(['SCARD', rig.bee.stalling])).toBe(0);
  expect(await rig.redis.command(['HLEN', rig.bee.jobs])).toBe(6);
  expect(await rig.redis.command(['LLEN', rig.bee.waiting])).toBe(6);
});

it('says of each why it is not to be run', async () => {
  const [canceled = '', running = '', renewed = '', fine = ''] = await submitMany(4);
  await rig.store.cancel(canceled, undefined);
  await rig.claim([running], LEASE_MS);
  await rig.leases.redeliver([{ jobId: renewed, delivery: 1, claimId: '' }]);
  await rig.redis.command(['RPUSH', rig.bee.waiting, 'not-ours', `${fine}-gone.1`]);
  const taken = await take('w1:1', 64);
  expect(kinds(taken)).toEqual(['gone', 'gone', 'ended', 'busy', 'busy', 'run']);
  expect(taken.map(({ transportId }) => transportId).slice(0, 2)).toEqual([`${fine}-gone.1`, 'not-ours']);
});

describe('a call whose answer got lost', () => {
  it('is answered again with what it took, counts one attempt, and takes nothing more', async () => {
    const ids = await submitMany(3);
    const before = await take('w1:1', 2);
    // Others take meanwhile.
    expect(await take('w2:1', 1)).toHaveLength(1);
    const late = await submitMany(1);
    const again = await take('w1:1', 2, { isRepeated: true });
    expect(new Set(again.map((one) => JSON.stringify(one)))).toEqual(
      new Set(before.map((one) => JSON.stringify(one))),
    );
    expect(await rig.store.find(ids[0] ?? '')).toMatchObject({ state: 'running', attempts: 1 });
    expect(idsOf(await take('w1:2', 64))).toEqual(late);
  });

  it('is answered in a fleet that holds thousands of other jobs whose leases end before', async () => {
    const others = Array.from({ length: 5_000 }, (_, n) => ['1', `other-${n}`]).flat();
    await rig.redis.command(['ZADD', rig.records.key('running'), ...others]);
    await submitMany(64);
    const before = await take('w1:1', 64);
    const again = await take('w1:1', 64, { isRepeated: true });
    expect(again).toEqual(before);
    expect(again).toHaveLength(64);
  });

  it('takes nothing when it arrives after it was repeated: nobody would know', async () => {
    const ids = await submitMany(2);
    const oldLink = new JobLeases(new RecordScripts(await rig.server.connect(), rig.keyPrefix));
    expect(await take('w1:1', 64, { isRepeated: true })).toEqual([]);
    expect(await take('w1:1', 64, { leases: oldLink })).toEqual([]);
    expect(idsOf(await take('w1:2', 64))).toEqual(ids);
  });
});

describe('a job that is marked to be claimed by itself', () => {
  /** The second of four: lost together with another that has ended since. */
  async function withOneMarked(): Promise<string[]> {
    const ids = await submitMany(4);
    const [, marked = ''] = ids;
    await rig.redis.command(['DEL', rig.bee.waiting]);
    const [claim] = await rig.claim([marked], LEASE_MS);
    if (claim?.kind !== 'run') throw new Error('not claimed');
    await rig.leases.release([claim.job], 'apart');
    await rig.redis.command(['DEL', rig.bee.waiting]);
    const names = ids.map((id) => `${id}.${id === marked ? 2 : 1}`);
    await rig.redis.command(['LPUSH', rig.bee.waiting, ...names]);
    return ids;
  }

  it('ends the call that meets it, and is all that the next call takes', async () => {
    const ids = await withOneMarked();
    expect(idsOf(await take('w1:1', 64))).toEqual(ids.slice(0, 1));
    expect(idsOf(await take('w1:2', 64))).toEqual(ids.slice(1, 2));
    expect(idsOf(await take('w1:3', 64))).toEqual(ids.slice(2));
    expect(await rig.redis.command(['EXISTS', rig.records.key('alone')])).toBe(1);
  });

  it('is left by a call that is sent while other jobs run', async () => {
    const ids = await withOneMarked();
    await take('w1:1', 1);
    const ahead = { ...call('w1:2', 64), isAhead: true };
    const { taken, waiting } = await rig.leases.claimAlong([], rig.bee, ahead, LEASE_MS);
    expect([taken, waiting]).toEqual([[], 3]);
    expect(idsOf(await take('w1:3', 64))).toEqual(ids.slice(1, 2));
  });

  it('is put off, and not dropped, when it was delivered together with others, and so are others after it', async () => {
    const [first = '', marked = '', third = ''] = await withOneMarked();
    const request = (jobId: string, delivery: number) => ({ jobId, delivery, claimId: `w1:${jobId}` });
    const kindsOf = async (...requests: ReturnType<typeof request>[]) =>
      (await rig.leases.claim(requests, LEASE_MS)).map(({ kind }) => kind);
    expect(await kindsOf(request(first, 1), request(marked, 2))).toEqual(['run', 'later']);
    expect(await kindsOf(request(marked, 2), request(third, 1))).toEqual(['run', 'later']);
    expect(await kindsOf(request(third, 1))).toEqual(['run']);
  });

  it('is marked no more when it has ended', async () => {
    const [, marked = ''] = await withOneMarked();
    await rig.store.cancel(marked, undefined);
    expect(await rig.redis.command(['EXISTS', rig.records.key('alone')])).toBe(0);
  });
});
