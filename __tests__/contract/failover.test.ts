import { type LinkProxy, startLinkProxy } from '../faults/link-proxy.js';
import { parseRedisAddress, type RedisAddress } from '../../shared/redis/address.js';
import type { Redis } from '../../shared/redis/redis.js';
import { until } from '../support/latch.js';
import { follow, replicationOf } from '../support/replica.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { FIXTURES } from '../support/paths.js';
import { openWorkerRig, type WorkerRig } from '../support/rigs/worker-rig.js';
import { type ApiRig, openApiRig } from '../support/rigs/api-rig.js';

jest.setTimeout(60_000);

const HOST = '127.0.0.1';
type Place = Extract<RedisAddress, { kind: 'host' }>;

let master: TestRedis;
let replica: TestRedis;
/** What the name in REDIS_URL stands for: connections that stand stay where they are when it changes. */
let place: Place;
let name: LinkProxy;
let api: ApiRig;
let rig: WorkerRig;

beforeEach(async () => {
  [master, replica] = await Promise.all([startRedis({ host: HOST }), startRedis({ host: HOST })]);
  await follow(replica, master.url);
  place = { ...placeOf(master) };
  name = await startLinkProxy(place);
  const behindName = { ...master, url: name.url, address: parseRedisAddress(name.url) };
  rig = await openWorkerRig(behindName);
  const env = {
    KEY_PREFIX: rig.keyPrefix,
    MODELS_DIR: FIXTURES,
    DEFAULT_MODEL: 'faulty',
    REDIS_TIMEOUT_MS: '5000',
  };
  api = await openApiRig(behindName, { env });
  await rig.start();
});
afterEach(async () => {
  await api.close();
  await rig.close();
  await name.close();
  await Promise.all([master.stop(), replica.stop()]);
});

function placeOf({ address }: TestRedis): Place {
  if (address.kind !== 'host') throw new Error('not reached over TCP');
  return address;
}

/** Resolves when the replica has all that the master wrote: a planned failover loses nothing. */
async function caughtUp(): Promise<void> {
  const [one, other] = await Promise.all([master.connect(), replica.connect()]);
  await until(
    async () => {
      const [written, received] = await Promise.all([offsetOf(one), offsetOf(other)]);
      return written !== undefined && written === received;
    },
    { what: 'the replica to have everything' },
  );
}

const offsetOf = async (client: Redis): Promise<string | undefined> =>
  /^master_repl_offset:(\d+)/m.exec(await replicationOf(client))?.[1];

const submit = (input: object, headers = {}) => api.submit({ model: 'faulty', input }, headers);

it('follows a master that is demoted while every connection to it stands', async () => {
  const first = await submit({ act: 'answer', value: 1 }, { Prefer: 'wait=10' });
  expect([first.status, first.body.status]).toEqual([200, 'succeeded']);
  // It runs in the worker all through the failover.
  const held = await submit({ act: 'hold', value: 2 });
  await rig.isHeld();
  await caughtUp();

  const promoted = await replica.connect();
  await promoted.command(['REPLICAOF', 'NO', 'ONE']);
  await follow(master, replica.url);
  // Until the name stands for the new master.
  const refused = await submit({ act: 'answer', value: 3 });
  expect([refused.status, refused.body.type]).toEqual([503, '/problems/redis-unavailable']);
  expect(refused.headers['retry-after']).toBe('1');
  await until(async () => (await api.call('get', '/health/ready')).status === 503, {
    what: 'not being ready',
  });

  Object.assign(place, placeOf(replica));
  const accepted = await until(
    async () => {
      const answer = await submit({ act: 'answer', value: 4 });
      return answer.status === 202 && answer;
    },
    { what: 'a submission being accepted', everyMs: 50 },
  );
  // Those that listen have moved, too: they are woken by the new master alone.
  for (const channel of ['ended', 'canceling']) {
    const words = ['PUBSUB', 'NUMSUB', rig.records.key(channel)];
    const count = channel === 'canceling' ? 2 : 1;
    await until(async () => String(await promoted.command(words)) === `${words[2]},${count}`, {
      what: channel,
    });
  }
  await master.kill();
  rig.letGo();
  for (const id of [held.body.id, accepted.body.id]) {
    const { body } = await api.poll(id, { Prefer: 'wait=10' });
    expect([body.status, body.attempts]).toEqual(['succeeded', 1]);
  }
  expect((await api.call('get', '/health/ready')).status).toBe(200);
  const canceled = await submit({ act: 'hang', value: 5 });
  await until(async () => (await api.poll(canceled.body.id)).body.status === 'running');
  expect((await api.call('delete', `/jobs/${canceled.body.id}`)).status).toBe(202);
  expect((await api.poll(canceled.body.id, { Prefer: 'wait=10' })).body.status).toBe('canceled');
});
