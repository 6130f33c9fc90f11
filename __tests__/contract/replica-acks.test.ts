import { PassThrough, Readable } from 'node:stream';
import { type LinkProxy, startLinkProxy } from '../faults/link-proxy.js';
import { listOf } from '../../shared/records/records.js';
import { until } from '../support/latch.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { follow } from '../support/replica.js';
import { type ApiRig, openApiRig, TRIP } from '../support/rigs/api-rig.js';
import { newJob } from '../support/rigs/job-rig.js';
import { LINEAR } from '../support/rigs/models-folder.js';

const HOST = '127.0.0.1';
/** Longer than a replica takes that can be reached. */
const LONG_MS = '15000';
const SHORT_MS = '50';

let master: TestRedis;
let replica: TestRedis;
/** From the replica to its master. */
let link: LinkProxy;
let apis: ApiRig[];

beforeAll(async () => {
  [master, replica] = await Promise.all([startRedis({ host: HOST }), startRedis()]);
  link = await startLinkProxy(master.place);
  await follow(replica, link.url);
});
beforeEach(() => {
  apis = [];
});
afterEach(async () => {
  // Their last commands do not wait for a replica that nothing reaches.
  await reachable();
  await Promise.all(apis.map((api) => api.close()));
});
afterAll(async () => {
  await Promise.all([master.stop(), replica.stop()]);
  await link.close();
});

async function open(ackMs: string, env = {}): Promise<ApiRig> {
  const api = await openApiRig(master, {
    env: { REDIS_REPLICAS_ACK: '1', REDIS_REPLICAS_ACK_MS: ackMs, ...env },
  });
  apis.push(api);
  return api;
}

async function reachable(): Promise<void> {
  link.heal();
  const client = await master.client();
  await until(async () => Number(await client.command(['WAIT', '1', '100'])) === 1, { what: 'the replica' });
}

/** Whether the replica has a job or a batch. */
async function isReplicated({ ctx }: ApiRig, name: string): Promise<boolean> {
  const client = await replica.client();
  // A client of a replica looks for another connection now and then.
  return until(
    async () =>
      String(
        await client
          .command(['EXISTS', ctx.partitions.of(name.split(':')[1] ?? '').records.key(name)])
          .catch(() => ''),
      ),
    {
      what: name,
    },
  ).then((count) => count === '1');
}

/** Resolves when so many clients of the master wait for the replica. */
async function blocked(count: number): Promise<void> {
  const client = await master.client();
  const line = `blocked_clients:${count}\r`;
  await until(async () => String(await client.command(['INFO', 'clients'])).includes(line), { what: line });
}

const ROWS = `${JSON.stringify(TRIP)}\n`;
const batch = (api: ApiRig, headers = {}) =>
  api.call('post', '/batches', {
    body: ROWS,
    headers: { 'content-type': 'application/x-ndjson', ...headers },
  });

it.each(['1', '3'])('acknowledges what the replica has, in %s partitions', async (PARTITIONS) => {
  const api = await open(LONG_MS, { PARTITIONS });
  const job = await api.submit({ input: TRIP });
  expect([job.status, await isReplicated(api, `job:${job.body.id}`)]).toEqual([202, true]);
  const rows = await batch(api);
  expect([rows.status, await isReplicated(api, `batch:${rows.body.id}`)]).toEqual([202, true]);
});

it('answers 503 to everything that the replica has not, and says that it may have taken effect', async () => {
  const api = await open(SHORT_MS);
  const unwanted = await api.submit({ input: TRIP });
  const rows = await batch(api);
  link.silence();
  const requests = {
    job: api.submit({ input: TRIP }),
    'a job that waits': api.submit({ input: TRIP }, { Prefer: 'wait=30' }),
    jobs: api.submit({ jobs: [{ input: TRIP }, { input: TRIP }] }),
    rows: batch(api),
    cancel: api.call('delete', `/jobs/${unwanted.body.id}`),
    'cancel of rows': api.call('delete', `/batches/${rows.body.id}`),
    'the original call': api.call('post', '/v1/trip/predict', { body: { request_id: '9', ...TRIP } }),
  };
  for (const [what, sending] of Object.entries(requests)) {
    const { status, body, headers } = await sending;
    expect([what, status, body.type, headers['retry-after']]).toEqual([
      what,
      503,
      '/problems/not-replicated',
      '1',
    ]);
    expect(body.detail).toContain('may have taken effect');
  }
  expect((await api.poll(unwanted.body.id)).body.status).toBe('canceled');
  expect((await api.call('get', '/jobs?status=queued')).body.jobs).toHaveLength(5);
  expect((await api.call('get', '/metrics')).text).toContain('\nwaggle_redis_unreplicated_total 7\n');
});

it('acknowledges a repeat once the replica has what the first request did, and no sooner', async () => {
  const first = await open(SHORT_MS);
  const other = await open(SHORT_MS, { KEY_PREFIX: first.ctx.config.redis.keyPrefix });
  const key = { 'Idempotency-Key': 'once' };
  link.silence();
  const answers = [
    await first.submit({ input: TRIP }, key),
    await first.submit({ input: TRIP }, key),
    await other.submit({ input: TRIP }, key),
    await batch(first, key),
  ];
  expect(answers.map(({ body }) => body.type)).toEqual(Array(4).fill('/problems/not-replicated'));
  await reachable();
  const repeat = await other.submit({ input: TRIP }, key);
  expect([repeat.status, repeat.headers['idempotency-replayed']]).toEqual([202, 'true']);
  expect(await isReplicated(first, `job:${repeat.body.id}`)).toBe(true);
  expect((await first.call('get', '/jobs')).body.jobs).toHaveLength(1);
  // Its upload was refused before a row was read.
  expect((await batch(first, key)).status).toBe(202);
});

it('keeps an upload of which the replica lacks the end only, for its repeat', async () => {
  const api = await open(SHORT_MS, { CHUNK_ROWS: '1' });
  const key = { 'Idempotency-Key': 'rows' };
  const body = new PassThrough();
  const sending = fetch(`${api.url}/batches`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', ...key },
    body: Readable.toWeb(body) as ReadableStream,
    duplex: 'half',
  });
  body.write(ROWS);
  const { records } = api.ctx.partitions.home;
  const [id] = await until(async () => {
    const ids = listOf(await records.redis.command(['ZRANGE', records.key('accepting'), '0', '-1']));
    return ids.length > 0 && ids.map(String);
  });
  await until(() => isReplicated(api, `batch:${id}:in`));
  await blocked(0);
  link.silence();
  body.end();
  expect((await sending).status).toBe(503);
  await reachable();
  const repeat = await batch(api, key);
  expect([repeat.status, repeat.headers['idempotency-replayed']]).toEqual([202, 'true']);
});

it('lets polls pass while a submission waits for the replica', async () => {
  const api = await open(LONG_MS);
  const job = await api.submit({ input: TRIP });
  link.silence();
  let isAnswered = false;
  const waiting = api.submit({ input: TRIP }).then((answer) => {
    isAnswered = true;
    return answer;
  });
  await blocked(1);
  expect((await api.poll(job.body.id, { Prefer: 'wait=0' })).status).toBe(200);
  expect(isAnswered).toBe(false);
  await reachable();
  expect((await waiting).status).toBe(202);
});

describe('the commands of jobs that come together', () => {
  async function commandsOfThree(env: Record<string, string>): Promise<Record<string, number>> {
    const { ctx } = await open(LONG_MS, env);
    const submit = () => ctx.partitions.home.intake.create(newJob({ model: LINEAR }), 1_000);
    // The first tells how deep the queue is, so that later ones are written outright.
    await submit();
    const client = await master.client();
    await client.command(['CONFIG', 'RESETSTAT']);
    await Promise.all([submit(), submit(), submit()]);
    const stats = String(await client.command(['INFO', 'commandstats']));
    const all = [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)];
    // Those by which connections prove to be alive are left out.
    const counted = all.filter(([, name = '']) => !/^(info|time|ping|replconf|config)\b/.test(name));
    return Object.fromEntries(counted.map(([, name = '', count]) => [name, Number(count)]));
  }
  const ALONE = {
    multi: 1,
    exec: 1,
    mset: 1,
    zadd: 3,
    hincrby: 2,
    pexpire: 1,
    hset: 1,
    lpush: 1,
    zcard: 4,
    llen: 1,
  };

  it('are those of their transaction where Redis alone is enough', async () => {
    expect(await commandsOfThree({ REDIS_REPLICAS_ACK: '0' })).toEqual(ALONE);
  });
  it('have one WAIT behind them, and the write that it vouches for', async () => {
    expect(await commandsOfThree({})).toEqual({ ...ALONE, set: 1, wait: 1 });
  });
});
