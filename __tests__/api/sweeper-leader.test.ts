import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { Sweeper } from '../../api/sweeper.js';
import { type JobBench, openJobBench, QUEUE } from '../support/jobs.js';
import { until } from '../support/latch.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { silentLog } from '../support/silent-log.js';

const MODEL = 'trip-duration-linear';
const ROOT = resolve(__dirname, '../..');

let server: TestRedis;
let bench: JobBench;
const processes: ChildProcess[] = [];
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  bench = await openJobBench(server);
});
afterEach(async () => {
  for (const each of processes.splice(0)) each.kill('SIGKILL');
  await bench.close();
});

/** The API's own program; resolves when it serves. */
async function startApi(): Promise<ChildProcess> {
  const api = fork(resolve(ROOT, 'dist/api/main.js'), {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      PATH: process.env['PATH'],
      REDIS_URL: server.url,
      KEY_PREFIX: bench.keyPrefix,
      MODELS_DIR: resolve(ROOT, 'model'),
      DEFAULT_MODEL: MODEL,
      PORT: '0',
      LOG_LEVEL: 'error',
    },
  });
  processes.push(api);
  await once(api, 'message');
  return api;
}

const leader = () => bench.redis.command(['GET', bench.records.key('sweeper')]);
/** The lease ends now, as after five seconds of silence; resolves to who leads then. */
async function nextLeader(): Promise<string> {
  await bench.redis.command(['DEL', bench.records.key('sweeper')]);
  return until(async () => {
    const now = await leader();
    return now !== null && String(now);
  });
}

/** Resolves when the sweeper has put a job back whose worker is lost. Its delivery is handed out once. */
async function isSwept(): Promise<void> {
  const id = await bench.submit({ model: MODEL, queue: MODEL });
  await bench.claim([id], 0);
  await until(async () => (await bench.store.find(id))?.state === 'queued', { what: 'a swept job' });
  const waiting = bench.bee.waiting.replace(QUEUE, MODEL);
  await until(async () => (await bench.redis.command(['LPOS', waiting, `${id}.2`])) !== null);
  expect(await bench.redis.command(['HGET', bench.records.key(`job:${id}`), 'delivery'])).toBe('2');
}

it('has another process sweep when the leader is frozen or killed, and bears the one that wakes up', async () => {
  const [first, second] = await Promise.all([startApi(), startApi()]);
  second.kill('SIGSTOP');
  const one = await nextLeader();
  second.kill('SIGCONT');
  first.kill('SIGSTOP');
  const two = await nextLeader();
  expect(two).not.toBe(one);
  await isSwept();
  first.kill('SIGCONT');
  // Both have tried to lead by the time that the next job is swept.
  await isSwept();
  expect(await leader()).toBe(two);
  second.kill('SIGKILL');
  await once(second, 'exit');
  expect(await nextLeader()).toBe(one);
});

it('does no harm when it wakes in the middle of its pass, with deliveries that others have replaced since', async () => {
  const id = await bench.submit({ maxAttempts: 3 });
  await bench.claim([id], 0);
  // What the sweeper found before it was held up, and has not enqueued yet.
  const { found } = await bench.sweep.reap({ offset: 0, limit: 10 });
  expect(found).toEqual([{ queue: QUEUE, jobId: id, delivery: 2 }]);
  const past = String(Date.now() - 60_000);
  await bench.redis.command(['ZADD', bench.records.key(`queued:${QUEUE}`), past, id]);
  await bench.redis.command(['HSET', bench.records.key(`job:${id}`), 'requeued_ms', past]);
  const other = new Sweeper({
    sweep: bench.sweep,
    producers: bench.producers,
    keyPrefix: bench.keyPrefix,
    queues: () => [QUEUE],
    resultTtlMs: 60_000,
    log: silentLog,
  });
  expect(await other.pass()).toMatchObject({ orphans: 1 });
  const [held] = await bench.claim([id], 60_000);
  expect(held).toMatchObject({ kind: 'run', job: { attempts: 2 } });
  for (const delivery of found) await bench.producers.enqueue(QUEUE, delivery);
  const late = await bench.leases.claim([{ jobId: id, delivery: 2, claimId: 'late' }], 60_000);
  expect(late).toEqual([{ kind: 'busy', id }]);
  expect(await other.pass()).toMatchObject({ reaped: 0, orphans: 0, lost: 0, ghosts: 1 });
});
