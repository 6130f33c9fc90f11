import { openBeeLink } from '../../../shared/queue/bee-queue.js';
import { type Consumer, startConsumer } from '../../../shared/queue/consumer.js';
import { parseRedisAddress, type RedisAddress } from '../../../shared/redis/address.js';
import { type LinkProxy, startLinkProxy } from '../../faults/link-proxy.js';
import { createLatch, until } from '../../support/latch.js';
import { partitionPrefix } from '../../../shared/records/records.js';
import { startRedis, type TestRedis, testPrefix } from '../../support/redis.js';
import { useRedis } from '../../support/rigs/use-redis.js';

const server = useRedis();
let proxy: LinkProxy;
beforeEach(async () => {
  proxy = await startLinkProxy(server.place);
});
afterEach(() => proxy.close());

const address = () => ({
  redis: parseRedisAddress(proxy.url),
  prefix: partitionPrefix(testPrefix()),
  name: 'q',
});
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

describe('a Redis that is killed', () => {
  let own: TestRedis;
  const consumers: Consumer[] = [];
  beforeEach(async () => {
    own = await startRedis();
  });
  afterEach(async () => {
    await Promise.all(consumers.splice(0).map((consumer) => consumer.drain(1_000)));
    await own.stop();
  });

  it('is outlasted, also one with a password that is gone then, and one that says nothing before', async () => {
    const warnings: string[] = [];
    const consume = (redis: RedisAddress): void => {
      const onWarning = (message: string): void => void warnings.push(message);
      const queue = { redis, prefix: partitionPrefix(testPrefix()), name: 'q' };
      consumers.push(startConsumer({ address: queue, handler, onWarning }));
    };
    const areTaking = async (count: number) => {
      const admin = await own.connect();
      const taking = async () =>
        String(await admin.command(['CLIENT', 'LIST'])).split('cmd=brpoplpush').length > count;
      return until(taking, { what: 'workers that wait for calls' });
    };
    const admin = await own.connect();
    await admin.command(['CONFIG', 'SET', 'requirepass', 'secret']);
    consume({ ...own.place, password: 'secret' });
    await until(async () => String(await admin.command(['CLIENT', 'LIST'])).includes('cmd=brpoplpush'));
    await own.kill();
    await until(() => warnings.includes('queue link not opened'), { what: 'a link that was not opened' });
    await own.restart();
    await areTaking(1);
    own.freeze();
    consume(own.address);
    await own.kill();
    await own.restart();
    await expect(areTaking(2)).resolves.toBe(true);
  });
});
