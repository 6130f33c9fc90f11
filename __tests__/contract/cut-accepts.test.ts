import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { RedisUnavailableError } from '../../shared/errors.js';
import { JobIntake } from '../../shared/jobs/job-intake.js';
import type { NewJob } from '../../shared/jobs/new-job.js';
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
/** Cuts of one accept: few enough for a second, and at other places of each command. */
const CUTS = 50;

/** What a way of accepting leaves of the jobs that go together. */
type Accept = (intake: JobIntake, jobs: readonly NewJob[]) => Promise<unknown>;
const single: Accept = (intake, [job]) => intake.create(job as NewJob, 1_000);
const many =
  (key?: string): Accept =>
  (intake, jobs) => {
    const makes = jobs.map(({ id }) => id);
    return intake.createAll(
      jobs,
      1_000,
      key === undefined ? undefined : { caller: 'ann', key, fingerprint: 'f', makes },
    );
  };

/** Does something with an empty Redis and an intake on a connection of its own, which knows that there is room. */
async function withIntake<T>(step: (intake: JobIntake, cutter: Cutter) => Promise<T>): Promise<T> {
  const cutter = await startCutter(rig.server);
  const address = parseRedisAddress(cutter.url);
  const redis = await openRedis({ address, onError: () => undefined, pingEveryMs: 60_000 });
  try {
    const intake = new JobIntake(new RecordScripts(redis, rig.keyPrefix));
    await intake.create(newJob(), 1_000);
    await rig.redis.command(['FLUSHDB']);
    cutter.sent();
    return await step(intake, cutter);
  } finally {
    await redis.close();
    cutter.close();
  }
}

const KEYED_PARTS = [...PLAIN, 'key', 'share', 'owner'];

it.each([
  { way: 'MULTI', accept: single, jobs: 1, changes: common, parts: PLAIN },
  { way: 'EVALSHA', accept: single, jobs: 1, changes: KEYED, parts: KEYED_PARTS },
  { way: 'MULTI', accept: many(), jobs: 3, changes: common, parts: PLAIN },
  { way: 'EVALSHA', accept: many('k'), jobs: 3, changes: KEYED, parts: KEYED_PARTS },
])(
  'a socket cut anywhere in an accept of $jobs by $way leaves all of it or nothing',
  async ({ way, accept, jobs: count, changes, parts }) => {
    const newJobs = () => Array.from({ length: count }, () => newJob(changes));
    const all = (jobs: readonly NewJob[]) => Promise.all(jobs.map(partsOf));
    const [everything, nothing] = [parts, []].map((each) => Array.from({ length: count }, () => each));
    const acceptWhole = () =>
      withIntake(async (intake, cutter) => {
        const jobs = newJobs();
        await accept(intake, jobs);
        return { sent: cutter.sent(), parts: await all(jobs) };
      });
    const acceptCut = (afterBytes: number) =>
      withIntake(async (intake, cutter) => {
        const jobs = newJobs();
        const cut = cutter.cutAfter(afterBytes);
        const failure = await accept(intake, jobs).catch((error: unknown) => error);
        await cut;
        return { afterBytes, failure, parts: await all(jobs) };
      });
    const failure = expect.any(RedisUnavailableError);
    const whole = await acceptWhole();
    expect(whole.parts).toEqual(everything);
    expect(whole.sent.toString()).toContain(way);
    const stepBytes = Math.ceil(whole.sent.length / CUTS) | 1;
    for (let afterBytes = 1; afterBytes < whole.sent.length; afterBytes += stepBytes) {
      expect(await acceptCut(afterBytes)).toEqual({ afterBytes, failure, parts: nothing });
    }
    expect(await acceptCut(whole.sent.length - 1)).toMatchObject({ failure, parts: nothing });
    expect(await acceptCut(whole.sent.length)).toMatchObject({ failure, parts: everything });
  },
);
