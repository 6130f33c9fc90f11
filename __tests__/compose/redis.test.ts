import { execFile, type ChildProcess, spawn } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseRedisAddress } from '../../shared/redis/address.js';
import { openRedis, type Redis } from '../../shared/redis/redis.js';
import { CPU, SETTINGS } from '../support/deployment/combinations.js';
import { COMPOSE, loadProject } from '../support/deployment/compose-files.js';
import { renderKustomization } from '../support/deployment/kustomize.js';
import { containerOf, workloadsIn } from '../support/deployment/pods.js';
import { findRedisServer } from '../support/redis.js';

const run = promisify(execFile);
const [, , ...composeArgs] = loadProject(CPU, SETTINGS).services['redis']?.command ?? [];
const pod = workloadsIn(renderKustomization('overlays/cpu')).find(
  ({ metadata }) => metadata.name === 'redis',
);
const [, ...podArgs] = (pod && containerOf(pod).command) ?? [];

const folders: string[] = [];
const servers: ChildProcess[] = [];
const clients: Redis[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(servers.splice(0).map(stop));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'waggle-compose-redis-'));
  folders.push(folder);
  return folder;
}

/** Starts what a container would run, on a socket in its data folder. */
async function start(
  args: readonly string[],
  dir: string,
  password = '',
): Promise<{ server: ChildProcess; redis: Redis }> {
  const socket = join(dir, 'redis.sock');
  // A backup need not wait for others that might want one.
  const own = [
    '--port',
    '0',
    '--unixsocket',
    socket,
    '--loglevel',
    'warning',
    '--repl-diskless-sync-delay',
    '0',
  ];
  const server = spawn(findRedisServer(), [...args, ...own], { cwd: dir, stdio: 'ignore' });
  servers.push(server);
  const address = parseRedisAddress(`unix://${password === '' ? '' : `:${password}@localhost`}${socket}`);
  const redis = await openRedis({ address, onError: () => undefined, signal: AbortSignal.timeout(10_000) });
  clients.push(redis);
  return { server, redis };
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise((done) => server.once('exit', done));
  server.kill('SIGTERM');
  await ended;
}

/** What the Redis of a deployment has to be: what is accepted is on the disk within a second, and stays. */
const SETTINGS_OF_REDIS = {
  appendonly: 'yes',
  appendfsync: 'everysec',
  save: '',
  'maxmemory-policy': 'noeviction',
  maxmemory: String(2 ** 30),
};

/** The values that a running Redis has for these names. */
async function settingsOf(redis: Redis, names: readonly string[]): Promise<Record<string, string>> {
  const pairs = await Promise.all(names.map((name) => redis.command(['CONFIG', 'GET', name])));
  return Object.fromEntries(pairs as [string, string][]);
}

it('is set by compose to keep what it accepts', async () => {
  const { redis } = await start(composeArgs, dataFolder());
  expect(await settingsOf(redis, Object.keys(SETTINGS_OF_REDIS))).toEqual(SETTINGS_OF_REDIS);
});

it('is set by Kubernetes to the same, with a password', async () => {
  const args = podArgs.map((arg) => (arg === '$(REDIS_PASSWORD)' ? 'secret' : arg));
  const { redis } = await start(args, dataFolder(), 'secret');
  const wanted = { ...SETTINGS_OF_REDIS, requirepass: 'secret' };
  expect(await settingsOf(redis, Object.keys(wanted))).toEqual(wanted);
});

/** The way of the README. */
async function restore(dir: string, backup: string): Promise<{ code: number | null; said: string }> {
  const child = spawn('sh', [join(COMPOSE, 'restore-redis.sh')], {
    cwd: dir,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // Where the script refuses before it reads, the rest of the backup finds nobody.
  createReadStream(backup).pipe(child.stdin.on('error', () => undefined));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => (said += text.toString()));
  }
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, said };
}

it('can be backed up while it runs, and restored', async () => {
  const dir = dataFolder();
  const first = await start(composeArgs, dir);
  await first.redis.command(['SET', 'job', 'kept']);
  const backup = join(dataFolder(), 'backup.rdb');
  await run('redis-cli', ['-s', join(dir, 'redis.sock'), '--rdb', backup]);
  await first.redis.command(['SET', 'job', 'changed']);
  await first.redis.close();
  await stop(first.server);

  expect(await restore(dir, backup)).toEqual({ code: 0, said: expect.stringContaining('restored 1 keys') });
  expect(
    readdirSync(dir)
      .filter((name) => !name.endsWith('.sock'))
      .toSorted(),
  ).toEqual(['appendonlydir', 'appendonlydir.replaced']);
  const second = await start(composeArgs, dir);
  expect(await second.redis.command(['GET', 'job'])).toBe('kept');
  await second.redis.close();
  await stop(second.server);
  expect(await restore(dir, backup)).toEqual({ code: 1, said: expect.stringContaining('delete it first') });
});

it('is left as it is by what is no backup', async () => {
  const dir = dataFolder();
  const { redis, server } = await start(composeArgs, dir);
  await redis.close();
  await stop(server);
  const before = readdirSync(dir).toSorted();
  expect(await restore(dir, join(COMPOSE, 'compose.yaml'))).toEqual({
    code: 1,
    said: expect.stringContaining('no backup of Redis'),
  });
  expect(readdirSync(dir).toSorted()).toEqual(before);
  expect(existsSync(join(dir, 'appendonlydir'))).toBe(true);
});

it('is backed up and restored as the README says', () => {
  const readme = readFileSync(join(COMPOSE, 'README.md'), 'utf8');
  expect(readme).toContain('redis-cli --rdb /data/backup.rdb');
  expect(readme).toContain('restore-redis.sh');
});
