import { beeKeys } from '../../shared/queue/bee-queue.js';
import { until } from '../support/latch.js';
import { useWorkerRig } from '../support/rigs/worker-rig.js';

const rig = useWorkerRig({ redis: { appendOnly: true } });

const waitingKey = (): string => beeKeys({ keyPrefix: rig.keyPrefix, name: 'faulty' }).waiting;
const orderMany = (count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, (_, value) => rig.order('answer', value)));

it('keeps outcomes while Redis is away and writes each once when it is back', async () => {
  await rig.start();
  const held = await rig.order('hold', 1);
  await rig.isHeld();
  await rig.server.kill();
  rig.letGo();
  await until(() => rig.log.said('commit not written yet'));
  await rig.server.restart();
  expect(await rig.reaches(held, 'succeeded')).toMatchObject({ attempts: 1, result: { doubled: 2 } });
});

it('keeps deliveries that it could not claim and claims them when Redis is back', async () => {
  await rig.start();
  await rig.order('hold', 0);
  await rig.isHeld();
  const ids = await orderMany(10);
  // One is handed out, and none is claimed: the model is held up.
  await until(async () => (await rig.redis.command(['LLEN', waitingKey()])) === 9);
  await rig.server.kill();
  rig.letGo();
  await until(() => rig.log.said('jobs not claimed yet'));
  await rig.server.restart();
  const jobs = await rig.allEnd(ids);
  expect(jobs.map(({ state, attempts }) => `${state} ${attempts}`)).toEqual(Array(10).fill('succeeded 1'));
});

it('goes on after Redis was frozen', async () => {
  await rig.start();
  await rig.reaches(await rig.order('answer', 1), 'succeeded');
  const ids = await orderMany(20);
  rig.server.freeze();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  rig.server.thaw();
  const jobs = await rig.allEnd([...ids, ...(await orderMany(20))]);
  expect(new Set(jobs.map(({ state }) => state))).toEqual(new Set(['succeeded']));
});

it('takes new jobs after a restart of Redis, though it lost its scripts', async () => {
  await rig.start();
  await rig.reaches(await rig.order('answer', 1), 'succeeded');
  await rig.server.kill();
  await rig.server.restart();
  const id = await until(() => rig.order('answer', 2).catch(() => undefined));
  expect(await rig.reaches(id, 'succeeded')).toMatchObject({ result: { doubled: 4 } });
});

it('runs jobs whose claim was taken but never answered, in their only attempt', async () => {
  await rig.start();
  await rig.order('hold', 0);
  await rig.isHeld();
  const ids = await Promise.all([1, 2, 3].map((value) => rig.order('answer', value, { maxAttempts: 1 })));
  // One is handed out; the claim is to take the others along.
  await until(async () => (await rig.redis.command(['LLEN', waitingKey()])) === 2);
  rig.server.freeze();
  rig.letGo();
  // The link is given up with the claim in it, which Redis takes when it thaws. The worker claims again.
  await until(() => rig.log.said('jobs not claimed yet'));
  rig.server.thaw();
  const jobs = await rig.allEnd(ids);
  expect(jobs.map(({ state, attempts }) => `${state} ${attempts}`)).toEqual(Array(3).fill('succeeded 1'));
  // Taken by the claim that went unanswered, before the worker could repeat it: that is what this is about.
  const tokens = ids.map((id) => rig.redis.command(['HGET', rig.records.key(`job:${id}`), 'token']));
  expect(await Promise.all(tokens)).toEqual(Array(3).fill('1'));
});

it('runs every job without an error while Redis forgets its scripts again and again', async () => {
  await rig.start();
  await rig.reaches(await rig.order('answer', 0), 'succeeded');
  const flowing = new AbortController();
  const forget = async (): Promise<number> => {
    let times = 0;
    for (; !flowing.signal.aborted; times += 1) {
      await rig.redis.command(['SCRIPT', 'FLUSH']);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return times;
  };
  const forgotten = forget();
  const ids: string[] = [];
  for (let wave = 0; wave < 20; wave += 1) ids.push(...(await orderMany(20)));
  const jobs = await rig.allEnd(ids);
  flowing.abort();
  expect(await forgotten).toBeGreaterThan(20);
  const ends = new Set(jobs.map(({ state, attempts }) => `${state} ${attempts}`));
  expect(ends).toEqual(new Set(['succeeded 1']));
  expect(rig.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
});
