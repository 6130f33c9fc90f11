import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { Sweeper } from '../../api/sweeper.js';
import { QUEUE, useJobRig } from '../support/rigs/job-rig.js';
import { until } from '../support/latch.js';
import { silentLog } from '../support/silent-log.js';

const MODEL = 'trip-duration-linear';
const ROOT = resolve(__dirname, '../..');

const processes: ChildProcess[] = [];
afterEach(() => {
  for (const each of processes.splice(0)) each.kill('SIGKILL');
});
const rig = useJobRig();

/** The API's own program; resolves when it serves. */
async function startApi(): Promise<ChildProcess> {
  const api = fork(resolve(ROOT, 'dist/api/main.js'), {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      PATH: process.env['PATH'],
      REDIS_URL: rig.server.url,
      KEY_PREFIX: rig.keyPrefix,
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

const leader = () => rig.redis.command(['GET', rig.records.key('sweeper')]);
/** The lease ends now, as after five seconds of silence; resolves to who leads then. */
async function nextLeader(): Promise<string> {
  await rig.redis.command(['DEL', rig.records.key('sweeper')]);
  return until(async () => {
    const now = await leader();
    return now !== null && String(now);
  });
}

/** Resolves when the sweeper has put a job back whose worker is lost. Its delivery is handed out once. */
async function isSwept(): Promise<void> {
  const id = await rig.submit({ model: MODEL, queue: MODEL });
  await rig.claim([id], 0);
  await until(async () => (await rig.store.find(id))?.state === 'queued', { what: 'a swept job' });
  const waiting = rig.bee.waiting.replace(QUEUE, MODEL);
  await until(async () => (await rig.redis.command(['LPOS', waiting, `${id}.2`])) !== null);
  expect(await rig.redis.command(['HGET', rig.records.key(`job:${id}`), 'delivery'])).toBe('2');
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
  const id = await rig.submit({ maxAttempts: 3 });
  await rig.claim([id], 0);
  // What the sweeper found before it was held up, and has not enqueued yet.
  const { found } = await rig.sweep.reap({ offset: 0, limit: 10 });
  expect(found).toEqual([{ queue: QUEUE, jobId: id, delivery: 2 }]);
  const past = String(Date.now() - 60_000);
  await rig.redis.command(['ZADD', rig.records.key(`queued:${QUEUE}`), past, id]);
  await rig.redis.command(['HSET', rig.records.key(`job:${id}`), 'requeued_ms', past]);
  const other = new Sweeper({
    sweep: rig.sweep,
    producers: rig.producers,
    keyPrefix: rig.keyPrefix,
    queues: () => [QUEUE],
    resultTtlMs: 60_000,
    log: silentLog,
  });
  expect(await other.pass()).toMatchObject({ orphans: 1 });
  const [held] = await rig.claim([id], 60_000);
  expect(held).toMatchObject({ kind: 'run', job: { attempts: 2 } });
  for (const delivery of found) await rig.producers.enqueue(QUEUE, delivery);
  const late = await rig.leases.claim([{ jobId: id, delivery: 2, claimId: 'late' }], 60_000);
  expect(late).toEqual([{ kind: 'busy', id }]);
  expect(await other.pass()).toMatchObject({ reaped: 0, orphans: 0, lost: 0, ghosts: 1 });
});
