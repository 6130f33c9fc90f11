import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { useJobRig } from '../support/rigs/job-rig.js';
import { until } from '../support/latch.js';

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

/** Resolves when the sweeper has put a job back whose worker is lost, which happens once. */
async function isSwept(): Promise<void> {
  const id = await rig.submit({ model: MODEL });
  await rig.claim(1, 0, { queue: MODEL });
  await until(async () => (await rig.store.find(id))?.state === 'queued', { what: 'a swept job' });
  expect(await rig.redis.command(['ZCARD', rig.records.key(`queued:${MODEL}:normal`)])).toBe(1);
  await rig.store.cancel(id, undefined);
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
