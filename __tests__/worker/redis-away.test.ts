import { until } from '../support/latch.js';
import { useWorkerRig } from '../support/rigs/worker-rig.js';

const rig = useWorkerRig({ redis: { appendOnly: true } });

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
  expect(await rig.reaches(held, 'succeeded')).toMatchObject({
    attempts: 1,
    resultJson: JSON.stringify({ doubled: 2 }),
  });
});

it('claims what waits when Redis is back', async () => {
  await rig.start();
  await rig.order('hold', 0);
  await rig.isHeld();
  const ids = await orderMany(10);
  await rig.server.kill();
  rig.letGo();
  await until(() => rig.log.said('commit not written yet'));
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
  expect(await rig.reaches(id, 'succeeded')).toMatchObject({ resultJson: JSON.stringify({ doubled: 4 }) });
});

it('runs jobs whose claim was taken but never answered, in their only attempt', async () => {
  await rig.order('hold', 0);
  const ids = await Promise.all([1, 2, 3, 4].map((value) => rig.order('answer', value, { maxAttempts: 1 })));
  // The first claim takes two, and learns that more wait.
  await rig.start({ maxBatch: 2 });
  await rig.isHeld();
  rig.server.freeze();
  rig.letGo();
  // The link is given up with the claim in it, which Redis takes when it thaws. The worker claims again.
  await until(() => rig.log.said('jobs not claimed yet'));
  rig.server.thaw();
  const jobs = await rig.allEnd(ids);
  expect(jobs.map(({ state, attempts }) => `${state} ${attempts}`)).toEqual(Array(4).fill('succeeded 1'));
  // A claim has one token, however often it is sent.
  expect(await rig.redis.command(['GET', rig.records.key('token')])).toBe('3');
});

it('runs every job without an error while Redis forgets its scripts again and again', async () => {
  await rig.start();
  await rig.reaches(await rig.order('answer', 0), 'succeeded');
  const flowing = new AbortController();
  let times = 0;
  const forget = async (): Promise<void> => {
    for (; !flowing.signal.aborted; times += 1) {
      await rig.redis.command(['SCRIPT', 'FLUSH']);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const forgetting = forget();
  const ids: string[] = [];
  for (let wave = 0; wave < 20; wave += 1) {
    ids.push(...(await orderMany(20)));
    await until(() => times > wave);
  }
  const jobs = await rig.allEnd(ids);
  flowing.abort();
  await forgetting;
  const ends = new Set(jobs.map(({ state, attempts }) => `${state} ${attempts}`));
  expect(ends).toEqual(new Set(['succeeded 1']));
  expect(rig.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
});
