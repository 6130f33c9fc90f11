import type { Delivery } from '../../../shared/queue/bee-queue.js';
import { beeKeys, parseTransportId, transportId } from '../../../shared/queue/bee-queue.js';
import { type Consumer, startConsumer } from '../../../shared/queue/consumer.js';
import { Producers } from '../../../shared/queue/producers.js';
import { createLatch, until } from '../../support/latch.js';
import { testPrefix } from '../../support/redis.js';
import { useRedis } from '../../support/rigs/use-redis.js';

const server = useRedis({ appendOnly: true });
let producers: Producers;
let consumer: Consumer | undefined;
let keyPrefix: string;

beforeEach(() => {
  keyPrefix = testPrefix();
  consumer = undefined;
  producers = new Producers(address());
});
afterEach(async () => {
  await consumer?.drain(1_000);
  await producers.close();
});

const address = () => ({ redis: server.address, keyPrefix, name: 'q' });
const job = (jobId: string): Delivery => ({ jobId, delivery: 1 });

function consume(handler: (delivery: Delivery) => Promise<void>, concurrency = 4): string[] {
  const warnings: string[] = [];
  const onWarning = (message: string): void => void warnings.push(message);
  consumer = startConsumer({ address: address(), concurrency, handler, onWarning });
  return warnings;
}

/** A handler that notes what it was given and ends at once. */
function recorder(): { seen: string[]; handler: (delivery: Delivery) => Promise<void> } {
  const seen: string[] = [];
  return { seen, handler: (delivery) => Promise.resolve(void seen.push(delivery.jobId)) };
}

it('writes transport ids that it can read back', () => {
  expect(parseTransportId(transportId({ jobId: 'a.b', delivery: 12 }))).toEqual({
    jobId: 'a.b',
    delivery: 12,
  });
  expect(['17', '.1', 'a.x'].map(parseTransportId)).toEqual([undefined, undefined, undefined]);
});

it('carries deliveries from producer to consumer and keeps nothing of them', async () => {
  const { seen, handler } = recorder();
  consume(handler);
  await Promise.all(['a', 'b', 'c'].map((id) => producers.enqueue('q', job(id))));
  await until(() => seen.length === 3);
  const redis = await server.connect();
  const keys = beeKeys({ keyPrefix, name: 'q' });
  await until(async () => (await redis.command(['HLEN', keys.jobs])) === 0);
  expect(await redis.command(['LLEN', keys.active])).toBe(0);
  expect(seen.toSorted()).toEqual(['a', 'b', 'c']);
});

it('holds a delayed delivery back until its time', async () => {
  const { seen, handler } = recorder();
  consume(handler);
  await producers.enqueue('q', job('late'), 300);
  await producers.enqueue('q', job('now'));
  await until(() => seen.length === 2);
  expect(seen).toEqual(['now', 'late']);
});

it('never hands out more than its concurrency', async () => {
  const gate = createLatch();
  let running = 0;
  let most = 0;
  consume(async () => {
    most = Math.max(most, (running += 1));
    await gate.opened;
    running -= 1;
  }, 2);
  for (const id of ['a', 'b', 'c', 'd']) await producers.enqueue('q', job(id));
  await until(() => most === 2);
  gate.open();
  await until(() => running === 0);
  expect(most).toBe(2);
});

it('delivers again after Redis was killed and restarted, for producer and consumer', async () => {
  const { seen, handler } = recorder();
  const warnings = consume(handler);
  await producers.enqueue('q', job('before'));
  await until(() => seen.includes('before'));
  await server.kill();
  await expect(producers.enqueue('q', job('lost'))).rejects.toThrow(/Redis did not complete/);
  await server.restart();
  await until(() =>
    producers.enqueue('q', job('after')).then(
      () => true,
      () => false,
    ),
  );
  await until(() => seen.includes('after'));
  expect(warnings).toContain('queue link lost');
});

it('enqueues after SCRIPT FLUSH', async () => {
  const redis = await server.connect();
  await producers.enqueue('q', job('a'));
  await redis.command(['SCRIPT', 'FLUSH']);
  await producers.enqueue('q', job('b'));
  const keys = beeKeys({ keyPrefix, name: 'q' });
  expect(await redis.command(['LRANGE', keys.waiting, '0', '-1'])).toEqual(['b.1', 'a.1']);
});

it('rejects within two seconds while Redis is frozen, and works when it thaws', async () => {
  await producers.enqueue('q', job('a'));
  server.freeze();
  await expect(producers.enqueue('q', job('b'))).rejects.toThrow(/no answer within/);
  server.thaw();
  await until(() =>
    producers.enqueue('q', job('c')).then(
      () => true,
      () => false,
    ),
  );
});

it('drains: takes nothing more, waits for its handlers, and leaves the rest to others', async () => {
  const [started, gate] = [createLatch(), createLatch()];
  const ended: string[] = [];
  consume(async ({ jobId }) => {
    started.open();
    await gate.opened;
    ended.push(jobId);
  });
  await producers.enqueue('q', job('held'));
  await started.opened;
  const draining = consumer?.drain(10_000);
  await producers.enqueue('q', job('late'));
  gate.open();
  await draining;
  expect(ended).toEqual(['held']);
  const redis = await server.connect();
  const keys = beeKeys({ keyPrefix, name: 'q' });
  expect(await redis.command(['LRANGE', keys.waiting, '0', '-1'])).toEqual(['late.1']);
  expect(await redis.command(['HLEN', keys.jobs])).toBe(1);
  expect(await redis.command(['LLEN', keys.active])).toBe(0);
});

/** Ids of the connections that wait for a delivery right now. */
async function blockedClients(): Promise<string> {
  const redis = await server.connect();
  const list = String(await redis.command(['CLIENT', 'LIST', 'TYPE', 'normal']));
  const blocked = list.split('\n').filter((line) => / flags=\w*b/.test(line));
  return blocked.map((line) => /^id=(\d+)/.exec(line)?.[1]).join();
}

it('takes a new link when told to', async () => {
  const { seen, handler } = recorder();
  const warnings = consume(handler);
  await producers.enqueue('q', job('a'));
  await until(() => seen.includes('a'));
  const old = await until(async () => (await blockedClients()) || false);
  consumer?.rebuild('a test');
  await until(async () => ![old, ''].includes(await blockedClients()));
  await producers.enqueue('q', job('b'));
  await until(() => seen.includes('b'));
  expect(warnings).toEqual(['queue link lost']);
});
