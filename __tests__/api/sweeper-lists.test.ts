import { Sweeper } from '../../api/sweeper.js';
import { type Consumer, startConsumer } from '../../shared/queue/consumer.js';
import { findLostEntries } from '../../shared/queue/lost-entries.js';
import { newJob, QUEUE, useJobRig } from '../support/rigs/job-rig.js';
import { until } from '../support/latch.js';
import { silentLog } from '../support/silent-log.js';

let sweeper: Sweeper;
let consumer: Consumer | undefined;
afterEach(async () => {
  await consumer?.drain(1_000);
});
const rig = useJobRig();
beforeEach(() => {
  consumer = undefined;
  sweeper = new Sweeper({
    sweep: rig.sweep,
    producers: rig.producers,
    keyPrefix: rig.keyPrefix,
    queues: () => [QUEUE],
    resultTtlMs: 60_000,
    log: silentLog,
  });
});

const command = (...words: (string | number)[]) => rig.redis.command(words.map(String));
const entries = () => command('HKEYS', rig.bee.jobs);
const waiting = () => command('LRANGE', rig.bee.waiting, 0, -1);
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Jobs whose deliveries were lost. */
async function createMany(count: number, changes = {}): Promise<string[]> {
  const jobs = numbers(count).map(() => newJob(changes));
  await Promise.all(jobs.map((job) => rig.store.create(job, count)));
  await rig.loseDeliveries();
  return jobs.map((job) => job.id);
}

/** Puts deliveries into Bee-Queue's own keys, oldest first. */
async function list(key: string, names: readonly string[], withEntries = true): Promise<void> {
  await command('LPUSH', key, ...names);
  if (withEntries) await command('HSET', rig.bee.jobs, ...names.flatMap((name) => [name, '{}']));
}

describe("an entry in Bee-Queue's hash that stands in none of its lists", () => {
  it('is dropped, and its job gets a new delivery that is run', async () => {
    const [lost, fine] = [await rig.submit(), await rig.submit()];
    await command('LREM', rig.bee.waiting, 1, `${lost}.1`);
    expect((await sweeper.pass()).lost).toBe(1);
    expect(await waiting()).toEqual([`${lost}.2`, `${fine}.1`]);
    expect((await sweeper.pass()).lost).toBe(0);
    expect((await rig.claim([lost], 1_000))[0]).toMatchObject({ kind: 'run', job: { attempts: 1 } });
  });

  it('is dropped for good when its job runs, has ended or is none of ours', async () => {
    const [running, ended] = [await rig.submit(), await rig.submit()];
    await rig.claim([running], 60_000);
    await rig.store.cancel(ended, undefined);
    await command('DEL', rig.bee.waiting);
    await command('HSET', rig.bee.jobs, '17', '{}');
    expect((await sweeper.pass()).lost).toBe(3);
    expect([await entries(), await waiting()]).toEqual([[], []]);
    expect((await rig.store.find(running))?.state).toBe('running');
  });

  it('is told from those in long lists', async () => {
    const names = numbers(2_500).map((index) => `job-${index}.1`);
    await list(rig.bee.waiting, names.slice(0, 1_200));
    await list(rig.bee.active, names.slice(1_200, 2_400));
    await command('HSET', rig.bee.jobs, ...names.slice(2_400).flatMap((name) => [name, '{}']));
    await command('ZADD', rig.bee.delayed, 1, names[2_400] ?? '');
    const lost = await findLostEntries(rig.redis, rig.bee);
    expect(lost.toSorted()).toEqual(names.slice(2_401).toSorted());
  });
});

it('takes many ghosts out of long lists in a few passes, and leaves the others in their order', async () => {
  const ids = await createMany(1_500);
  const real = ids.map((id) => `${id}.1`);
  const ghosts = (of: string): string[] => numbers(700).map((index) => `${of}-${index}.1`);
  for (const name of ['waiting', 'active'] as const) {
    const half = name === 'waiting' ? real.slice(0, 750) : real.slice(750);
    const mixed = half.flatMap((id, index) => [
      id,
      ...(ghosts(name)[index] ? [ghosts(name)[index] ?? ''] : []),
    ]);
    await list(rig.bee[name], mixed, false);
    await command('HSET', rig.bee.jobs, ...half.flatMap((id) => [id, '{}']));
  }
  let found = 0;
  for (let pass = 0; pass < 8; pass += 1) found += (await sweeper.pass()).ghosts;
  expect(found).toBe(1_400);
  expect(await waiting()).toEqual(real.slice(0, 750).toReversed());
  expect(await command('LRANGE', rig.bee.active, 0, -1)).toEqual(real.slice(750).toReversed());
});

it('takes deliveries out of the waiting list under which nothing waits any more, though no worker is there', async () => {
  const [canceled, _expired, gone, replaced, stalled, live] = await Promise.all([
    rig.submit(),
    rig.submit({ expiresInMs: 0 }),
    rig.submit(),
    rig.submit(),
    rig.submit(),
    rig.submit(),
  ]);
  await rig.store.cancel(canceled, undefined);
  await command('DEL', rig.records.key(`job:${gone}`));
  await rig.leases.redeliver([{ jobId: replaced, delivery: 1, claimId: '' }]);
  // Put back by Bee-Queue's stall check: it may have to be taken over.
  await rig.claim([stalled], 60_000);
  expect(await sweeper.pass()).toMatchObject({ expired: 1, ghosts: 4 });
  expect(
    String(await waiting())
      .split(',')
      .toSorted(),
  ).toEqual([`${stalled}.1`, `${live}.1`].toSorted());
  expect(await command('HLEN', rig.bee.jobs)).toBe(2);
});

it('lets a delayed delivery whose record moved on come to nothing', async () => {
  const [canceled, ran] = [await rig.submit(), await rig.submit()];
  await command('DEL', rig.bee.waiting, rig.bee.jobs);
  for (const jobId of [canceled, ran]) await rig.producers.enqueue(QUEUE, { jobId, delivery: 1 }, 400);
  await rig.store.cancel(canceled, undefined);
  await rig.leases.redeliver([{ jobId: ran, delivery: 1, claimId: '' }]);
  const [holder] = await rig.claim([ran], 60_000);
  expect(holder?.kind).toBe('run');
  expect(await sweeper.pass()).toMatchObject({ orphans: 0, lost: 0, ghosts: 0 });
  expect(await command('ZCARD', rig.bee.delayed)).toBe(2);
  const kinds = new Map<string, string | undefined>();
  consumer = startConsumer({
    address: { redis: rig.server.address, keyPrefix: rig.keyPrefix, name: QUEUE },
    concurrency: 2,
    handler: async (delivery) => {
      const [claim] = await rig.leases.claim([{ ...delivery, claimId: 'late' }], 60_000);
      kinds.set(delivery.jobId, claim?.kind);
    },
    onWarning: () => undefined,
  });
  await until(async () => kinds.size === 2 && (await command('HLEN', rig.bee.jobs)) === 0);
  expect([kinds.get(canceled), kinds.get(ran)]).toEqual(['ended', 'busy']);
});

describe('more than one window', () => {
  it('of lost leases is reaped in some passes, past records of another version', async () => {
    const ids = await createMany(1_300);
    await rig.claim(ids, 0);
    const foreign = ids.slice(0, 550);
    await Promise.all(foreign.map((id) => command('HSET', rig.records.key(`job:${id}`), 'schema', 2)));
    const reaped: number[] = [];
    for (let pass = 0; pass < 4; pass += 1) reaped.push((await sweeper.pass()).reaped);
    expect(reaped.reduce((sum, count) => sum + count)).toBe(750);
    expect(Math.max(...reaped)).toBeLessThanOrEqual(500);
    expect(await command('ZCARD', rig.records.key('running'))).toBe(550);
    expect(await command('LLEN', rig.bee.waiting)).toBe(750);
  });

  it('of late jobs and of old index entries is dealt with in one pass, so that they cannot pile up', async () => {
    const ids = await createMany(1_300, { expiresInMs: 0 });
    expect((await sweeper.pass()).expired).toBe(1_300);
    await command('DEL', ...ids.map((id) => rig.records.key(`job:${id}`)));
    const later = new Sweeper({
      sweep: rig.sweep,
      producers: rig.producers,
      keyPrefix: rig.keyPrefix,
      queues: () => [QUEUE],
      resultTtlMs: 0,
      log: silentLog,
    });
    expect((await later.pass()).trimmed).toBe(1_300);
  });
});
