import { type LinkProxy, startLinkProxy } from '../../faults/link-proxy.js';
import { parseRedisAddress } from '../../../shared/redis/address.js';
import { RedisUnavailableError } from '../../../shared/errors.js';
import { openRedis, openRedisSubscriber, type RedisOptions } from '../../../shared/redis/redis.js';
import { until } from '../../support/latch.js';
import { useRedis } from '../../support/rigs/use-redis.js';

const PING_EVERY_MS = 150;

const server = useRedis();
let proxy: LinkProxy;
let errors: string[];
beforeEach(async () => {
  errors = [];
  proxy = await startLinkProxy(server.place);
});
afterEach(() => proxy.close());

const options = (): RedisOptions => ({
  address: parseRedisAddress(proxy.url),
  onError: (message) => void errors.push(message),
  pingEveryMs: PING_EVERY_MS,
});
const noConnectionLeft = () => until(() => proxy.connections() === 0, { what: 'the end of all connections' });

it('replaces a link that answers nothing though it is written to, and fails what waits on it', async () => {
  const redis = await openRedis(options());
  expect(await redis.command(['SET', 'x', '1'])).toBe('OK');
  proxy.silence();
  // Written all the time: no timeout of the socket would ever be reached.
  const writing = setInterval(() => void redis.command(['PING']).catch(() => undefined), PING_EVERY_MS / 4);
  await expect(redis.command(['GET', 'x'])).rejects.toThrow(/Redis did not complete/);
  clearInterval(writing);
  expect(await until(() => redis.command(['GET', 'x']).catch(() => undefined))).toBe('1');
  expect(errors).toContain('no answer for several pings, taking a new connection');
  expect(proxy.connections()).toBe(1);
  await redis.close();
  await noConnectionLeft();
});

it('keeps a link on which nothing happens', async () => {
  const redis = await openRedis(options());
  const id = await redis.command(['CLIENT', 'ID']);
  await new Promise((resolve) => setTimeout(resolve, 8 * PING_EVERY_MS));
  expect(await redis.command(['CLIENT', 'ID'])).toBe(id);
  expect(errors).toEqual([]);
  await redis.close();
});

it('closes while the dead link is being replaced, and leaves no connection and no timer behind', async () => {
  const redis = await openRedis(options());
  proxy.silenceAll();
  await until(() => errors.length > 0, { what: 'a new connection' });
  await expect(redis.command(['PING'])).rejects.toThrow(RedisUnavailableError);
  await redis.close();
  await noConnectionLeft();
  const told = errors.length;
  proxy.heal();
  await new Promise((resolve) => setTimeout(resolve, 8 * PING_EVERY_MS));
  expect(proxy.connections()).toBe(0);
  expect(errors).toHaveLength(told);
});

it('ends its connection when it is closed while a call goes unanswered, before the link is known to be dead', async () => {
  const redis = await openRedis({ ...options(), pingEveryMs: 60_000 });
  proxy.silence();
  const asked = redis.command(['GET', 'x']);
  const [refused] = await Promise.allSettled([asked, redis.close()]);
  expect(refused.status).toBe('rejected');
  await noConnectionLeft();
});

it('listens again after its link fell silent', async () => {
  const subscriber = await openRedisSubscriber(options());
  const heard: string[] = [];
  await subscriber.subscribe('news', (message) => void heard.push(message));
  proxy.silence();
  const sender = await server.connect();
  let count = 0;
  await until(async () => {
    await sender.command(['PUBLISH', 'news', String((count += 1))]);
    return heard.length > 0;
  });
  expect(count).toBeGreaterThan(1);
  await subscriber.close();
  await noConnectionLeft();
});
