import { Sweeper } from '../../api/sweeper.js';
import { type JobBench, openJobBench, QUEUE } from '../support/jobs.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { keepingLog } from '../support/keeping-log.js';

let server: TestRedis;
let bench: JobBench;
let sweeper: Sweeper;
let log: ReturnType<typeof keepingLog>;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  bench = await openJobBench(server);
  log = keepingLog();
  sweeper = new Sweeper({
    sweep: bench.sweep,
    producers: bench.producers,
    keyPrefix: bench.keyPrefix,
    queues: () => [QUEUE],
    resultTtlMs: 0,
    log,
  });
});
afterEach(() => bench.close());

/** What was said of a job, and how it ended if that was said. */
const saidOf = (id: string): unknown[] =>
  log.lines.flatMap(({ level, message, fields }) =>
    fields?.['job_id'] === id ? [[level, message, fields['outcome'] ?? fields['code']]] : [],
  );

const waiting = () => bench.redis.command(['LRANGE', bench.bee.waiting, '0', '-1']);

/** Moves a job's creation back in time, as if it had been accepted that long ago. */
async function age(id: string, byMs: number): Promise<void> {
  const created = (await bench.store.find(id))?.createdMs ?? 0;
  await bench.redis.command(['ZADD', bench.records.key(`queued:${QUEUE}`), String(created - byMs), id]);
}

it('puts a job into Bee-Queue whose delivery got lost', async () => {
  const id = await bench.submit();
  await bench.loseDeliveries();
  expect((await sweeper.pass()).orphans).toBe(0);
  await age(id, 6_000);
  expect((await sweeper.pass()).orphans).toBe(1);
  expect(await waiting()).toEqual([`${id}.2`]);
  await age(id, 6_000);
  expect((await sweeper.pass()).orphans).toBe(0);
});

it('leaves an old job alone that still waits in Bee-Queue', async () => {
  const id = await bench.submit();
  await age(id, 60_000);
  expect((await sweeper.pass()).orphans).toBe(0);
  expect(await waiting()).toEqual([`${id}.1`]);
});

it('queues a job again whose worker lost its lease, and fails it when its attempts are used up', async () => {
  const id = await bench.submit({ maxAttempts: 2 });
  await bench.claim([id], 0);
  expect((await sweeper.pass()).reaped).toBe(1);
  // The first delivery is taken out: nothing waits under it.
  expect(await waiting()).toEqual([`${id}.2`]);
  await bench.claim([id], 0);
  expect((await sweeper.pass()).reaped).toBe(0);
  expect(await bench.store.find(id)).toMatchObject({ state: 'failed', failure: { code: 'worker_lost' } });
  expect(saidOf(id)).toEqual([
    ['debug', 'job put back, its worker is lost', undefined],
    ['warn', 'job failed', 'worker_lost'],
  ]);
});

it('ends a job that was canceled under a worker that is lost', async () => {
  const id = await bench.submit();
  await bench.claim([id], 0);
  await bench.store.cancel(id, undefined);
  await sweeper.pass();
  expect((await bench.store.find(id))?.state).toBe('canceled');
  expect(saidOf(id)).toEqual([['debug', 'job canceled, its worker is lost', 'canceled']]);
});

it('ends what is too late in the queue', async () => {
  const id = await bench.submit({ expiresInMs: 0 });
  expect((await sweeper.pass()).expired).toBe(1);
  expect((await bench.store.find(id))?.state).toBe('expired');
  expect(saidOf(id)).toEqual([['debug', 'job expired in the queue', 'expired']]);
});

it('takes ids without an entry out of the lists, and only those', async () => {
  const id = await bench.submit();
  await bench.redis.command(['LPUSH', bench.bee.waiting, 'ghost.1']);
  await bench.redis.command(['LPUSH', bench.bee.active, 'ghost.2']);
  await bench.redis.command(['SADD', bench.bee.stalling, 'ghost.2']);
  expect((await sweeper.pass()).ghosts).toBe(2);
  expect(await waiting()).toEqual([`${id}.1`]);
  expect(await bench.redis.command(['LLEN', bench.bee.active])).toBe(0);
  expect(await bench.redis.command(['SCARD', bench.bee.stalling])).toBe(0);
});

it('finds ghosts beyond the first window of a long list', async () => {
  for (let i = 0; i < 600; i += 1) await bench.submit();
  await bench.redis.command(['LPUSH', bench.bee.waiting, 'ghost.1']);
  expect((await sweeper.pass()).ghosts).toBe(0);
  expect((await sweeper.pass()).ghosts).toBe(1);
});

it('drops index entries whose records are gone, for every owner and state', async () => {
  const [gone, kept] = [await bench.submit({ owner: 'ann' }), await bench.submit({ owner: 'ann' })];
  await bench.store.cancel(gone, undefined);
  await bench.redis.command(['DEL', bench.records.key(`job:${gone}`)]);
  expect((await sweeper.pass()).trimmed).toBe(2);
  const indexes = [`queued:${QUEUE}`, `index:owner:ann:${QUEUE}:queued`];
  expect((await bench.sweep.indexes(undefined)).found).toEqual(indexes);
  for (const index of indexes) {
    expect(await bench.redis.command(['ZRANGE', bench.records.key(index), '0', '-1'])).toEqual([kept]);
  }
});

it('lets one process lead, and another after it gave up', async () => {
  expect(await bench.sweep.lead('a', 5_000)).toBe(true);
  expect(await bench.sweep.lead('b', 5_000)).toBe(false);
  expect(await bench.sweep.lead('a', 5_000)).toBe(true);
  await bench.sweep.lead('a', 0);
  expect(await bench.sweep.lead('b', 5_000)).toBe(true);
});
