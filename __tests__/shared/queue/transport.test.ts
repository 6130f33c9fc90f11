import { createCalls, openBeeLink } from '../../../shared/queue/bee-queue.js';
import { type Consumer, startConsumer } from '../../../shared/queue/consumer.js';
import { partitionPrefix } from '../../../shared/records/records.js';
import type { Redis } from '../../../shared/redis/redis.js';
import { createLatch, until } from '../../support/latch.js';
import { testPrefix } from '../../support/redis.js';
import { useRedis } from '../../support/rigs/use-redis.js';

const server = useRedis({ appendOnly: true });
const newCall = createCalls();
let consumer: Consumer | undefined;
let keyPrefix: string;
let redis: Redis;

beforeEach(async () => {
  keyPrefix = testPrefix();
  consumer = undefined;
  redis = await server.client();
});
afterEach(() => consumer?.drain(1_000));

const address = () => ({ redis: server.address, prefix: partitionPrefix(keyPrefix), name: 'q' });
const key = (name: string): string => `${partitionPrefix(keyPrefix)}bq:q:${name}`;
const size = async (command: 'LLEN' | 'HLEN', name: string) =>
  Number(await redis.command([command, key(name)]));

/** Has a worker called, as whoever makes a job wait does. */
async function call(): Promise<string> {
  const { id, entry } = newCall();
  await redis.transaction([
    ['HSET', key('jobs'), id, entry],
    ['LPUSH', key('waiting'), id],
  ]);
  return id;
}

function consume(handler: () => Promise<void>): string[] {
  const warnings: string[] = [];
  consumer = startConsumer({
    address: address(),
    handler,
    onWarning: (message) => void warnings.push(message),
  });
  return warnings;
}

/** Counts its calls, each of which ends at once. */
function counter(): { seen: number; handler: () => Promise<void> } {
  const counted = { seen: 0, handler: () => Promise.resolve(void (counted.seen += 1)) };
  return counted;
}

it('takes calls as Bee-Queue hands them out, and keeps nothing of them', async () => {
  const counted = counter();
  consume(counted.handler);
  await Promise.all([call(), call(), call()]);
  await until(() => counted.seen === 3);
  await until(async () => (await size('HLEN', 'jobs')) === 0);
  expect([await size('LLEN', 'active'), await size('LLEN', 'waiting')]).toEqual([0, 0]);
});

it('takes one call at a time', async () => {
  const gate = createLatch();
  let [seen, running, most] = [0, 0, 0];
  consume(async () => {
    most = Math.max(most, (running += 1));
    await gate.opened;
    running -= 1;
    seen += 1;
  });
  await Promise.all([call(), call(), call()]);
  await until(() => running === 1);
  gate.open();
  await until(() => seen === 3);
  expect(most).toBe(1);
});

it('takes calls again after Redis was killed and restarted', async () => {
  const counted = counter();
  const warnings = consume(counted.handler);
  await call();
  await until(() => counted.seen === 1);
  await server.kill();
  await server.restart();
  await until(() =>
    call().then(
      () => true,
      () => false,
    ),
  );
  await until(() => counted.seen === 2);
  expect(warnings).toContain('queue link lost');
});

it('finds its scripts again after SCRIPT FLUSH', async () => {
  const counted = counter();
  const link = await openBeeLink(address(), { onBroken: () => undefined });
  await redis.command(['SCRIPT', 'FLUSH']);
  await link.process(counted.handler);
  await call();
  await expect(until(() => counted.seen === 1)).resolves.toBe(true);
  await link.close(1_000);
});

it('drains: takes nothing more, waits for its handler, and leaves the rest to others', async () => {
  const [started, gate] = [createLatch(), createLatch()];
  let ended = 0;
  consume(async () => {
    started.open();
    await gate.opened;
    ended += 1;
  });
  await call();
  await started.opened;
  const draining = consumer?.drain(10_000);
  const late = await call();
  gate.open();
  await draining;
  expect(ended).toBe(1);
  expect(await redis.command(['LRANGE', key('waiting'), '0', '-1'])).toEqual([late]);
  expect([await size('HLEN', 'jobs'), await size('LLEN', 'active')]).toEqual([1, 0]);
});
