import type { NetConnectOpts } from 'node:net';
import { type LinkProxy, startLinkProxy } from '../faults/link-proxy.js';
import { until } from '../support/latch.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { follow } from '../support/replica.js';
import { type ApiRig, openApiRig, TRIP } from '../support/rigs/api-rig.js';

// The table "What a failure of Redis loses" in docs/operating.md.

const HOST = '127.0.0.1';
const CALLERS = 8;
/** Answers that callers get before the link breaks, and afterwards. */
const BEFORE = 100;
const AFTER = 24;

let api: ApiRig;
let acknowledged: string[];
/** Types of the problems that the others got. */
let problems: string[];
let closers: (() => Promise<void>)[];

beforeEach(() => {
  [acknowledged, problems, closers] = [[], [], []];
});
afterEach(async () => {
  for (const close of closers.toReversed()) await close();
});

async function redis(appendOnly: boolean): Promise<TestRedis> {
  const server = await startRedis({ host: HOST, appendOnly });
  closers.push(() => server.stop());
  return server;
}

async function proxy(place: NetConnectOpts): Promise<LinkProxy> {
  const link = await startLinkProxy(place);
  closers.push(() => link.close());
  return link;
}

async function openApi(server: TestRedis, env: Record<string, string> = {}): Promise<void> {
  api = await openApiRig(server, { env });
  closers.push(() => api.close());
}

/** Callers submit jobs, each with one under way, until so many more answers have come. */
async function submitUntil(count: number): Promise<void> {
  const most = acknowledged.length + problems.length + count;
  const call = async (): Promise<void> => {
    while (acknowledged.length + problems.length < most) {
      const { status, body } = await api.submit({ input: TRIP });
      if (status === 202) acknowledged.push(body.id);
      else problems.push(body.type);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
}

/** How many of the acknowledged jobs a poll does not find. */
async function lost(): Promise<number> {
  const found = await Promise.all(
    acknowledged.map((id) =>
      until(async () => {
        const { status } = await api.poll(id);
        return status !== 503 && status;
      }),
    ),
  );
  return found.filter((status) => status !== 200).length;
}

/** Breaks the link under load, then kills the master; the replica takes its place. Resolves to how many jobs are lost. */
async function replaceMaster(env: Record<string, string>): Promise<number> {
  const [master, replica] = await Promise.all([redis(false), redis(false)]);
  const link = await proxy(master.place);
  await follow(replica, link.url);
  const place = { ...master.place };
  const name = await proxy(place);
  await openApi({ ...master, url: name.url }, env);
  await submitUntil(BEFORE);
  link.silence();
  await submitUntil(AFTER);
  await master.kill();
  await (await replica.connect()).command(['REPLICAOF', 'NO', 'ONE']);
  Object.assign(place, replica.place);
  name.cut();
  return lost();
}

it('loses nothing acknowledged with a master where a replica has to have it', async () => {
  expect(await replaceMaster({ REDIS_REPLICAS_ACK: '1', REDIS_REPLICAS_ACK_MS: '50' })).toBe(0);
  expect(acknowledged.length).toBeGreaterThan(CALLERS);
  expect([...new Set(problems)]).toEqual(['/problems/not-replicated']);
});

it('loses what was acknowledged since the link broke where the master alone is enough', async () => {
  expect(await replaceMaster({})).toBeGreaterThanOrEqual(AFTER - CALLERS);
  expect(problems).toEqual([]);
});

it('loses nothing with a Redis that is killed and started again, where every write is on the disk first', async () => {
  const server = await redis(true);
  await openApi(server);
  await submitUntil(BEFORE);
  await server.kill();
  await server.restart();
  expect(await lost()).toBe(0);
});
