import { openBeeLink } from '../../../shared/queue/bee-queue.js';
import { startConsumer } from '../../../shared/queue/consumer.js';
import { parseRedisAddress } from '../../../shared/redis/address.js';
import { type LinkProxy, startLinkProxy } from '../../faults/link-proxy.js';
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
const handler = () => Promise.resolve();
const noConnections = () =>
  until(() => proxy.connections() === 0, { what: 'the end of all connections', timeoutMs: 10_000 });

it('tells of a link that fell silent, and leaves no connection of it behind', async () => {
  const broken = createLatch<string>();
  const link = await openBeeLink(address(), { onBroken: (reason) => broken.open(reason), pingEveryMs: 40 });
  await link.process(handler);
  proxy.silence();
  expect(await broken.opened).toBe('no answer for several pings');
  await link.close(1);
  await noConnections();
});

it('gives up links that Redis never answers, and ends them', async () => {
  proxy.silenceAll();
  const opening = ['a', 'b', 'c'].map(() => openBeeLink(address(), { onBroken: () => undefined }));
  const refusals = await Promise.all(opening.map((link) => link.then(String, String)));
  for (const refusal of refusals) expect(refusal).toMatch(/Redis did not complete connecting the queue q/);
  await noConnections();
});

it('outlasts a Redis with a password that is gone, and one that is killed while it is asked', async () => {
  const own = await startRedis();
  const admin = await own.connect();
  await admin.command(['CONFIG', 'SET', 'requirepass', 'secret']);
  const queue = { redis: { ...own.address, password: 'secret' }, keyPrefix: testPrefix(), name: 'q' };
  const warnings: string[] = [];
  const onWarning = (message: string): void => void warnings.push(message);
  const consumers = [startConsumer({ address: queue, handler, onWarning })];
  const isTaking = async (client: typeof admin) =>
    String(await client.command(['CLIENT', 'LIST'])).includes('cmd=brpoplpush');
  await until(() => isTaking(admin), { what: 'a worker that waits for calls' });
  await own.kill();
  await own.restart();
  await until(() => warnings.includes('queue link not opened'), { what: 'a refused password' });
  own.freeze();
  consumers.push(startConsumer({ address: { ...queue, redis: own.address }, handler, onWarning }));
  await own.kill();
  await own.restart();
  const again = await own.connect();
  const isAgain = until(() => isTaking(again), { what: 'a worker that waits for calls again' });
  await expect(isAgain).resolves.toBe(true);
  await Promise.all(consumers.map((consumer) => consumer.drain(1_000)));
  await own.stop();
});
