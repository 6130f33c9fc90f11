import { JobLeases, type TakenAlong } from '../../../shared/jobs/job-leases.js';
import { RecordScripts } from '../../../shared/records/records.js';
import { type JobBench, openJobBench } from '../../support/jobs.js';
import { startRedis, type TestRedis } from '../../support/redis.js';

const LEASE_MS = 15_000;

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

const call = (claimId: string, most: number, isRepeated = false) => ({ claimId, most, isRepeated });
/** Claims nothing that was delivered, and takes along. */
const take = async (claimId: string, most: number, { isRepeated = false, leases = bench.leases } = {}) =>
  (await leases.claimAlong([], bench.bee, call(claimId, most, isRepeated), LEASE_MS)).taken;
const kinds = (taken: readonly TakenAlong[]) => taken.map(({ claim }) => claim.kind);
const idsOf = (taken: readonly TakenAlong[]) =>
  taken.map(({ claim }) => (claim.kind === 'run' ? claim.job.id : claim.id));
const list = (key: string) => bench.redis.command(['LRANGE', key, '0', '-1']);

/** Jobs in the order in which they wait. */
async function submitMany(count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i += 1) ids.push(await bench.submit({ maxAttempts: 1 }));
  return ids;
}

it('takes the oldest that wait, as many as it may, and Bee-Queue counts them as taken', async () => {
  const ids = await submitMany(5);
  const taken = await take('w1:1', 3);
  expect(kinds(taken)).toEqual(['run', 'run', 'run']);
  expect(idsOf(taken)).toEqual(ids.slice(0, 3));
  const names = ids.map((id) => `${id}.1`);
  expect(await list(bench.bee.active)).toEqual(names.slice(0, 3).toReversed());
  expect(await list(bench.bee.waiting)).toEqual(names.slice(3).toReversed());
  expect(idsOf(await take('w1:2', 64))).toEqual(ids.slice(3));
  expect(await take('w1:3', 64)).toEqual([]);
});

it('claims what was delivered in the same call, each with its own answer', async () => {
  const [delivered = '', other = ''] = await submitMany(2);
  await bench.redis.command(['RPOPLPUSH', bench.bee.waiting, bench.bee.active]);
  const request = { jobId: delivered, delivery: 1, claimId: 'w1:1' };
  const { claims, taken } = await bench.leases.claimAlong([request], bench.bee, call('w1:2', 63), LEASE_MS);
  expect(claims).toMatchObject([{ kind: 'run', job: { id: delivered, attempts: 1 } }]);
  expect(taken).toMatchObject([
    { transportId: `${other}.1`, claim: { kind: 'run', job: { id: other, attempts: 1 } } },
  ]);
});

it('leaves nothing in Bee-Queue of what is ended', async () => {
  await submitMany(70);
  const taken = await take('w1:1', 64);
  await bench.redis.command(['SADD', bench.bee.stalling, taken[0]?.transportId ?? '']);
  await bench.leases.endDeliveries(
    taken.map(({ transportId }) => transportId),
    bench.bee,
  );
  expect(await list(bench.bee.active)).toEqual([]);
  expect(await bench.redis.command(['SCARD', bench.bee.stalling])).toBe(0);
  expect(await bench.redis.command(['HLEN', bench.bee.jobs])).toBe(6);
  expect(await bench.redis.command(['LLEN', bench.bee.waiting])).toBe(6);
});

it('says of each why it is not to be run', async () => {
  const [canceled = '', running = '', renewed = '', fine = ''] = await submitMany(4);
  await bench.store.cancel(canceled, undefined);
  await bench.claim([running], LEASE_MS);
  await bench.leases.redeliver([{ jobId: renewed, delivery: 1, claimId: '' }]);
  await bench.redis.command(['RPUSH', bench.bee.waiting, 'not-ours', `${fine}-gone.1`]);
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
    expect(await bench.store.find(ids[0] ?? '')).toMatchObject({ state: 'running', attempts: 1 });
    expect(idsOf(await take('w1:2', 64))).toEqual(late);
  });

  it('is answered in a fleet that holds thousands of other jobs whose leases end before', async () => {
    const others = Array.from({ length: 5_000 }, (_, n) => ['1', `other-${n}`]).flat();
    await bench.redis.command(['ZADD', bench.records.key('running'), ...others]);
    await submitMany(64);
    const before = await take('w1:1', 64);
    const again = await take('w1:1', 64, { isRepeated: true });
    expect(again).toEqual(before);
    expect(again).toHaveLength(64);
  });

  it('takes nothing when it arrives after it was repeated: nobody would know', async () => {
    const ids = await submitMany(2);
    const oldLink = new JobLeases(new RecordScripts(await server.connect(), bench.keyPrefix));
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
    await bench.redis.command(['DEL', bench.bee.waiting]);
    const [claim] = await bench.claim([marked], LEASE_MS);
    if (claim?.kind !== 'run') throw new Error('not claimed');
    await bench.leases.release([claim.job], 'apart');
    await bench.redis.command(['DEL', bench.bee.waiting]);
    const names = ids.map((id) => `${id}.${id === marked ? 2 : 1}`);
    await bench.redis.command(['LPUSH', bench.bee.waiting, ...names]);
    return ids;
  }

  it('ends the call that meets it, and is all that the next call takes', async () => {
    const ids = await withOneMarked();
    expect(idsOf(await take('w1:1', 64))).toEqual(ids.slice(0, 1));
    expect(idsOf(await take('w1:2', 64))).toEqual(ids.slice(1, 2));
    expect(idsOf(await take('w1:3', 64))).toEqual(ids.slice(2));
    expect(await bench.redis.command(['EXISTS', bench.records.key('alone')])).toBe(1);
  });

  it('is left by a call that is sent while other jobs run', async () => {
    const ids = await withOneMarked();
    await take('w1:1', 1);
    const ahead = { ...call('w1:2', 64), isAhead: true };
    const { taken, waiting } = await bench.leases.claimAlong([], bench.bee, ahead, LEASE_MS);
    expect([taken, waiting]).toEqual([[], 3]);
    expect(idsOf(await take('w1:3', 64))).toEqual(ids.slice(1, 2));
  });

  it('is put off, and not dropped, when it was delivered together with others, and so are others after it', async () => {
    const [first = '', marked = '', third = ''] = await withOneMarked();
    const request = (jobId: string, delivery: number) => ({ jobId, delivery, claimId: `w1:${jobId}` });
    const kindsOf = async (...requests: ReturnType<typeof request>[]) =>
      (await bench.leases.claim(requests, LEASE_MS)).map(({ kind }) => kind);
    expect(await kindsOf(request(first, 1), request(marked, 2))).toEqual(['run', 'later']);
    expect(await kindsOf(request(marked, 2), request(third, 1))).toEqual(['run', 'later']);
    expect(await kindsOf(request(third, 1))).toEqual(['run']);
  });

  it('is marked no more when it has ended', async () => {
    const [, marked = ''] = await withOneMarked();
    await bench.store.cancel(marked, undefined);
    expect(await bench.redis.command(['EXISTS', bench.records.key('alone')])).toBe(0);
  });
});
