import { Sweeper } from '../../api/sweeper.js';
import { QUEUE, useJobRig } from '../support/rigs/job-rig.js';
import { keepingLog } from '../support/keeping-log.js';

const rig = useJobRig();
let sweeper: Sweeper;
let log: ReturnType<typeof keepingLog>;
beforeEach(() => {
  log = keepingLog();
  sweeper = new Sweeper({
    sweep: rig.sweep,
    producers: rig.producers,
    keyPrefix: rig.keyPrefix,
    queues: () => [QUEUE],
    resultTtlMs: 0,
    log,
  });
});

/** What was said of a job, and how it ended if that was said. */
const saidOf = (id: string): unknown[] =>
  log.lines.flatMap(({ level, message, fields }) =>
    fields?.['job_id'] === id ? [[level, message, fields['outcome'] ?? fields['code']]] : [],
  );

const waiting = () => rig.redis.command(['LRANGE', rig.bee.waiting, '0', '-1']);

/** Moves a job's creation back in time, as if it had been accepted that long ago. */
async function age(id: string, byMs: number): Promise<void> {
  const created = (await rig.store.find(id))?.createdMs ?? 0;
  await rig.redis.command(['ZADD', rig.records.key(`queued:${QUEUE}`), String(created - byMs), id]);
}

it('puts a job into Bee-Queue whose delivery got lost', async () => {
  const id = await rig.submit();
  await rig.loseDeliveries();
  expect((await sweeper.pass()).orphans).toBe(0);
  await age(id, 6_000);
  expect((await sweeper.pass()).orphans).toBe(1);
  expect(await waiting()).toEqual([`${id}.2`]);
  await age(id, 6_000);
  expect((await sweeper.pass()).orphans).toBe(0);
});

it('leaves an old job alone that still waits in Bee-Queue', async () => {
  const id = await rig.submit();
  await age(id, 60_000);
  expect((await sweeper.pass()).orphans).toBe(0);
  expect(await waiting()).toEqual([`${id}.1`]);
});

it('queues a job again whose worker lost its lease, and fails it when its attempts are used up', async () => {
  const id = await rig.submit({ maxAttempts: 2 });
  await rig.claim([id], 0);
  expect((await sweeper.pass()).reaped).toBe(1);
  // The first delivery is taken out: nothing waits under it.
  expect(await waiting()).toEqual([`${id}.2`]);
  await rig.claim([id], 0);
  expect((await sweeper.pass()).reaped).toBe(0);
  expect(await rig.store.find(id)).toMatchObject({ state: 'failed', failure: { code: 'worker_lost' } });
  expect(saidOf(id)).toEqual([
    ['debug', 'job put back, its worker is lost', undefined],
    ['warn', 'job failed', 'worker_lost'],
  ]);
});

it('ends a job that was canceled under a worker that is lost', async () => {
  const id = await rig.submit();
  await rig.claim([id], 0);
  await rig.store.cancel(id, undefined);
  await sweeper.pass();
  expect((await rig.store.find(id))?.state).toBe('canceled');
  expect(saidOf(id)).toEqual([['debug', 'job canceled, its worker is lost', 'canceled']]);
});

it('ends what is too late in the queue', async () => {
  const id = await rig.submit({ expiresInMs: 0 });
  expect((await sweeper.pass()).expired).toBe(1);
  expect((await rig.store.find(id))?.state).toBe('expired');
  expect(saidOf(id)).toEqual([['debug', 'job expired in the queue', 'expired']]);
});

it('takes ids without an entry out of the lists, and only those', async () => {
  const id = await rig.submit();
  await rig.redis.command(['LPUSH', rig.bee.waiting, 'ghost.1']);
  await rig.redis.command(['LPUSH', rig.bee.active, 'ghost.2']);
  await rig.redis.command(['SADD', rig.bee.stalling, 'ghost.2']);
  expect((await sweeper.pass()).ghosts).toBe(2);
  expect(await waiting()).toEqual([`${id}.1`]);
  expect(await rig.redis.command(['LLEN', rig.bee.active])).toBe(0);
  expect(await rig.redis.command(['SCARD', rig.bee.stalling])).toBe(0);
});

it('finds ghosts beyond the first window of a long list', async () => {
  for (let i = 0; i < 600; i += 1) await rig.submit();
  await rig.redis.command(['LPUSH', rig.bee.waiting, 'ghost.1']);
  expect((await sweeper.pass()).ghosts).toBe(0);
  expect((await sweeper.pass()).ghosts).toBe(1);
});

it('drops index entries whose records are gone, for every owner and state', async () => {
  const [gone, kept] = [await rig.submit({ owner: 'ann' }), await rig.submit({ owner: 'ann' })];
  await rig.store.cancel(gone, undefined);
  await rig.redis.command(['DEL', rig.records.key(`job:${gone}`)]);
  expect((await sweeper.pass()).trimmed).toBe(2);
  const indexes = [`queued:${QUEUE}`, `index:owner:ann:${QUEUE}:queued`];
  expect((await rig.sweep.indexes(undefined)).found).toEqual(indexes);
  for (const index of indexes) {
    expect(await rig.redis.command(['ZRANGE', rig.records.key(index), '0', '-1'])).toEqual([kept]);
  }
});

it('lets one process lead, and another after it gave up', async () => {
  expect(await rig.sweep.lead('a', 5_000)).toBe(true);
  expect(await rig.sweep.lead('b', 5_000)).toBe(false);
  expect(await rig.sweep.lead('a', 5_000)).toBe(true);
  await rig.sweep.lead('a', 0);
  expect(await rig.sweep.lead('b', 5_000)).toBe(true);
});
