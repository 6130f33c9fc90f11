import { type LinkProxy, startLinkProxy } from '../../faults/link-proxy.js';
import { beeKeys, openBeeLink } from '../../../shared/queue/bee-queue.js';
import { Producers } from '../../../shared/queue/producers.js';
import { parseRedisAddress } from '../../../shared/redis/address.js';
import { createLatch, until } from '../../support/latch.js';
import { startRedis, testPrefix } from '../../support/redis.js';
import { useRedis } from '../../support/rigs/use-redis.js';

const server = useRedis();
let proxy: LinkProxy;
beforeEach(async () => {
  proxy = await startLinkProxy(server.address);
});
afterEach(() => proxy.close());

const address = () => ({ redis: parseRedisAddress(proxy.url), keyPrefix: testPrefix(), name: 'q' });
const job = (jobId: string) => ({ jobId, delivery: 1 });
const settled = (call: Promise<unknown>): Promise<boolean> =>
  call.then(
    () => true,
    () => false,
  );

it("tells of a worker's link that fell silent, and leaves no connection of it behind", async () => {
  const broken = createLatch<string>();
  const link = await openBeeLink(address(), {
    isWorker: true,
    onBroken: (reason) => broken.open(reason),
    pingEveryMs: 40,
  });
  await link.process(1, () => Promise.resolve());
  proxy.silence();
  expect(await broken.opened).toBe('no answer for several pings');
  await link.close(1);
  await until(() => proxy.connections() === 0, { what: 'the end of all connections' });
});

it('repeats a call on a new link when the old one fell silent, and ends the old one', async () => {
  const queue = address();
  const producers = new Producers(queue);
  await producers.enqueue('q', job('a'));
  proxy.silence();
  await producers.enqueue('q', job('b'));
  const redis = await server.connect();
  expect(await redis.command(['LRANGE', beeKeys(queue).waiting, '0', '-1'])).toEqual(['b.1', 'a.1']);
  await until(() => proxy.connections() === 1, { what: 'the end of the dead link' });
  await producers.close();
  await until(() => proxy.connections() === 0, { what: 'the end of all connections' });
});

it('gives up links that Redis never answers, and ends them', async () => {
  const producers = new Producers(address());
  proxy.silenceAll();
  expect(await Promise.all(['a', 'b', 'c'].map((id) => settled(producers.enqueue('q', job(id)))))).toEqual(
    Array(3).fill(false),
  );
  expect(proxy.connections()).toBeLessThanOrEqual(2);
  await until(() => proxy.connections() === 0, { what: 'the end of all connections' });
  proxy.heal();
  await producers.enqueue('q', job('d'));
  await producers.close();
});

it('outlasts a Redis with a password that is gone, and one that is killed while it is asked', async () => {
  const own = await startRedis();
  const admin = await own.connect();
  const queue = { redis: { ...own.address, password: 'secret' }, keyPrefix: testPrefix(), name: 'q' };
  await admin.command(['CONFIG', 'SET', 'requirepass', 'secret']);
  const producers = new Producers(queue);
  await producers.enqueue('q', job('a'));
  await own.kill();
  expect(await settled(producers.enqueue('q', job('b')))).toBe(false);
  await own.restart();
  own.freeze();
  const other = new Producers({ ...queue, redis: own.address });
  const asked = settled(other.enqueue('q', job('c')));
  await new Promise((resolve) => setTimeout(resolve, 100));
  await own.kill();
  expect(await asked).toBe(false);
  await Promise.all([producers.close(), other.close()]);
  await own.stop();
});
