import { openJobRig } from '../support/rigs/job-rig.js';
import { useRedis } from '../support/rigs/use-redis.js';
import { waggleHere } from '../support/waggle-here.js';

const redis = useRedis();

it('lists the partitions of one Redis, with what waits and runs', async () => {
  const rig = await openJobRig(redis);
  for (let job = 0; job < 3; job += 1) await rig.submit();
  await rig.claim(1);
  const env = { REDIS_URL: redis.url, KEY_PREFIX: rig.keyPrefix };
  const { code, stdout } = await waggleHere(['partitions', '--json'], env);
  const [only, ...others] = (JSON.parse(stdout) as { partitions: object[] }).partitions;
  expect([code, others]).toEqual([0, []]);
  expect(only).toMatchObject({ index: 0, tag: 'w0', master: redis.url, waiting: 2, running: 1 });
  const { stdout: text } = await waggleHere(['partitions'], { ...env, PARTITIONS: '3' });
  expect(text).toMatch(
    /^0 {2}\{w0\} {2}slot \d+ {2}unix:.* {2}2 waiting, 1 running, \d+ bytes.*\n1 .*\n2 .*\n$/,
  );
});

it('says which cannot be reached', async () => {
  const { code, stdout } = await waggleHere(['partitions'], { REDIS_URL: 'redis://127.0.0.1:1' });
  expect(code).toBe(1);
  expect(stdout).toMatch(/^0 {2}\{w0\} {2}slot \d+ {2}\S/);
});
