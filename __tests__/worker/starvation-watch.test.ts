import type { Redis } from '../../shared/redis/redis.js';
import { StarvationWatch } from '../../worker/intake/starvation-watch.js';
import { useRedis } from '../support/rigs/use-redis.js';

const server = useRedis();
let redis: Redis;

beforeAll(async () => {
  redis = await server.client();
});
beforeEach(async () => {
  await redis.command(['DEL', 'waiting']);
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
});
afterEach(() => void jest.useRealTimers());

/** Lets six seconds pass for the watch, and waits for what it asks Redis. Resolves with how often it was starved. */
async function sixSeconds(hasRoom: () => boolean, eachSecond = (_watch: StarvationWatch): void => undefined) {
  let starved = 0;
  const watch = new StarvationWatch({
    redis,
    waitingKey: 'waiting',
    hasRoom,
    onStarved: () => void (starved += 1),
  });
  for (let second = 0; second < 6; second += 1) {
    jest.advanceTimersByTime(1_000);
    eachSecond(watch);
    // Behind the watch's own question on the same connection.
    await redis.command(['PING']);
    await new Promise(setImmediate);
  }
  watch.close();
  return starved;
}

const yes = (): boolean => true;

it('notices that deliveries wait and none comes', async () => {
  await redis.command(['LPUSH', 'waiting', 'a.1']);
  expect(await sixSeconds(yes)).toBe(1);
});

it('takes an empty queue, a full hand and a fed worker for what they are', async () => {
  expect(await sixSeconds(yes)).toBe(0);
  await redis.command(['LPUSH', 'waiting', 'a.1']);
  expect(await sixSeconds(() => false)).toBe(0);
  expect(await sixSeconds(yes, (watch) => watch.fed())).toBe(0);
});
