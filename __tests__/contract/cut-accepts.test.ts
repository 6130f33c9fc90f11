import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { RedisUnavailableError } from '../../shared/errors.js';
import { JobStore, type NewJob } from '../../shared/jobs/job-store.js';
import { RecordScripts } from '../../shared/records/records.js';
import { parseRedisAddress } from '../../shared/redis/address.js';
import { openRedis } from '../../shared/redis/redis.js';
import type { TestRedis } from '../support/redis.js';
import { newJob, QUEUE, useJobRig } from '../support/rigs/job-rig.js';

const HOST = '127.0.0.1';
const rig = useJobRig();

/** A port before Redis whose connections can be cut at a byte. */
interface Cutter {
  url: string;
  /** What clients have sent since this was asked last. */
  sent(): Buffer;
  /** Lets so many bytes more through and no answer. Resolves when Redis has dealt with them and closed the connection. */
  cutAfter(bytes: number): Promise<void>;
  close(): void;
}

async function startCutter({ address }: TestRedis): Promise<Cutter> {
  if (address.kind !== 'socket') throw new Error('this Redis has no socket');
  const { path } = address;
  const sent: Buffer[] = [];
  let left = Number.POSITIVE_INFINITY;
  let ends: Promise<unknown> = Promise.resolve();
  const sockets: Socket[] = [];
  const server = createServer((client) => {
    const upstream = connect({ path });
    sockets.push(client, upstream);
    ends = once(upstream, 'close').then(() => client.destroy());
    client.on('error', () => undefined).on('close', () => upstream.end());
    client.on('data', (bytes) => {
      sent.push(bytes);
      if (left <= 0) return;
      if (bytes.length < left) upstream.write(bytes);
      else upstream.end(bytes.subarray(0, left));
      left -= bytes.length;
    });
    upstream.on('data', (bytes) => void (left === Number.POSITIVE_INFINITY && client.write(bytes)));
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  return {
    url: `redis://${HOST}:${(server.address() as AddressInfo).port}`,
    sent: () => Buffer.concat(sent.splice(0)),
    async cutAfter(bytes) {
      left = bytes;
      await ends;
      left = Number.POSITIVE_INFINITY;
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** What Redis holds of a job: the parts of its accept that are there. */
async function partsOf({ id, owner, idempotency }: NewJob): Promise<string[]> {
  const { records, redis } = rig;
  const whose = owner || '=';
  const key = (name: string) => records.key(name);
  const asked: [what: string, ...command: string[]][] = [
    ['record', 'GET', key(`job:${id}`)],
    ['input', 'GET', key(`in:${id}`)],
    ['lane', 'ZSCORE', key(`queued:${QUEUE}:normal`), id],
    ['list', 'ZSCORE', key(`index:open:${whose}:${QUEUE}`), id],
    ['deadline', 'ZSCORE', key('deadlines'), id],
    ['request', 'ZRANGE', key('requests'), '0', '-1'],
    ['counts', 'HGET', key('counts'), `${QUEUE}:submitted`],
    ['call', 'LRANGE', key(`bq:${QUEUE}:waiting`), '0', '-1'],
    ['key', 'GET', key(`key:${whose}:${idempotency?.key}`)],
    ['share', 'HGET', key(`waiting:${QUEUE}`), whose],
    ['owner', 'SMEMBERS', key('owners')],
  ];
  const found = await Promise.all(asked.map(([, ...command]) => redis.command(command)));
  return asked.flatMap(([what], index) => (String(found[index] ?? '') === '' ? [] : [what]));
}

const common = { requestId: 'r', input: { x: 'long'.repeat(1_500) } };
const PLAIN = ['record', 'input', 'lane', 'list', 'deadline', 'request', 'counts', 'call'];
const KEYED = { ...common, owner: 'ann', idempotency: { caller: 'ann', key: 'k', fingerprint: 'f' } };
/** Few enough for a second, and at other places of each command. */
const STEP_BYTES = 131;

/** Does something with an empty Redis and a store on a connection of its own, which knows that there is room. */
async function withStore<T>(step: (store: JobStore, cutter: Cutter) => Promise<T>): Promise<T> {
  const cutter = await startCutter(rig.server);
  const address = parseRedisAddress(cutter.url);
  const redis = await openRedis({ address, onError: () => undefined, pingEveryMs: 60_000 });
  try {
    const store = new JobStore(new RecordScripts(redis, rig.keyPrefix));
    await store.create(newJob(), 1_000);
    await rig.redis.command(['FLUSHDB']);
    cutter.sent();
    return await step(store, cutter);
  } finally {
    await redis.close();
    cutter.close();
  }
}

it.each([
  { way: 'MULTI', changes: common, parts: PLAIN },
  { way: 'EVALSHA', changes: KEYED, parts: [...PLAIN, 'key', 'share', 'owner'] },
])(
  'a socket cut anywhere in an accept by $way leaves all of it or nothing',
  async ({ way, changes, parts }) => {
    const accept = () =>
      withStore(async (store, cutter) => {
        const job = newJob(changes);
        await store.create(job, 1_000);
        return { sent: cutter.sent(), parts: await partsOf(job) };
      });
    const acceptCut = (afterBytes: number) =>
      withStore(async (store, cutter) => {
        const job = newJob(changes);
        const cut = cutter.cutAfter(afterBytes);
        const failure = await store.create(job, 1_000).catch((error: unknown) => error);
        await cut;
        return { afterBytes, failure, parts: await partsOf(job) };
      });
    const failure = expect.any(RedisUnavailableError);
    const whole = await accept();
    expect(whole.parts).toEqual(parts);
    expect(whole.sent.toString()).toContain(way);
    for (let afterBytes = 1; afterBytes < whole.sent.length; afterBytes += STEP_BYTES) {
      expect(await acceptCut(afterBytes)).toEqual({ afterBytes, failure, parts: [] });
    }
    expect(await acceptCut(whole.sent.length - 1)).toMatchObject({ failure, parts: [] });
    expect(await acceptCut(whole.sent.length)).toMatchObject({ failure, parts });
  },
);
