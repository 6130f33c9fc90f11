import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ensureRedis } from '../../../scripts/setup/redis.mjs';
import { type PrivateRedis, preparePrivateRedis } from '../../../scripts/up/private-redis.js';
import { pingRedis } from '../../../scripts/up/redis-ping.js';
import { parseRedisAddress } from '../../../shared/redis/address.js';
import { openRedis, type Redis } from '../../../shared/redis/redis.js';
import { keepingLog } from '../../support/keeping-log.js';
import { until } from '../../support/latch.js';
import { isRunning } from '../../support/processes.js';

let dataDir: string;
let running: PrivateRedis[];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'waggle-data-'));
  running = [];
});
afterEach(async () => {
  for (const redis of running) await redis.stop();
  rmSync(dataDir, { recursive: true });
});

function fileIn(folder: string): string {
  writeFileSync(join(folder, 'file'), '');
  return join(folder, 'file');
}

const log = keepingLog();

async function start(): Promise<PrivateRedis> {
  const { command: program, env } = await ensureRedis();
  const options = {
    program: { command: program, env: { ...process.env, ...env } },
    dataDir,
    fsync: 'always' as const,
  };
  const redis = await preparePrivateRedis(options, log);
  running.push(redis);
  await redis.start();
  return redis;
}

const socketOf = ({ url }: PrivateRedis): string => url.replace('unix://', '');
const pidOf = (redis: PrivateRedis): number =>
  Number(readFileSync(join(dirname(socketOf(redis)), 'redis.pid'), 'utf8'));

async function command(redis: PrivateRedis, ...args: string[]) {
  const client: Redis = await openRedis({ address: parseRedisAddress(redis.url), onError: () => undefined });
  try {
    return await client.command(args);
  } finally {
    await client.close();
  }
}

describe('the private Redis', () => {
  it('is private, refuses to evict, keeps an append-only file and nothing else', async () => {
    const redis = await start();
    const socket = socketOf(redis);
    expect(Buffer.byteLength(socket)).toBeLessThan(100);
    expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700);
    for (const [name, value] of Object.entries({
      port: '0',
      appendonly: 'yes',
      appendfsync: 'always',
      save: '',
      'maxmemory-policy': 'noeviction',
    })) {
      expect(await command(redis, 'CONFIG', 'GET', name)).toEqual([name, value]);
    }
  });

  it('keeps its data over a stop and a start, and leaves nothing else behind', async () => {
    const first = await start();
    await command(first, 'SET', 'key', 'kept');
    const pid = pidOf(first);
    await first.stop();
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(dirname(socketOf(first)))).toBe(false);
    expect(existsSync(join(dataDir, 'up.lock'))).toBe(false);
    expect(await command(await start(), 'GET', 'key')).toBe('kept');
  });

  it('comes back on the same socket with the same data when it is killed', async () => {
    const redis = await start();
    await command(redis, 'SET', 'key', 'kept');
    const pid = pidOf(redis);
    process.kill(pid, 'SIGKILL');
    await until(async () => !isRunning(pid) && (await pingRedis(socketOf(redis))) === 'ready');
    expect(await command(redis, 'GET', 'key')).toBe('kept');
    expect(pidOf(redis)).not.toBe(pid);
  });

  it('refuses a data folder that is in use, and says by whom', async () => {
    await start();
    await expect(start()).rejects.toThrow(`another npm start (process ${process.pid}) uses ${dataDir}`);
  });

  it.each([
    ['below /proc', () => '/proc/waggle/data', '(there is no such file|it is read only)'],
    ['below a file', () => `${fileIn(dataDir)}/data`, 'it is a file, or lies below one'],
    ['that is a file', () => fileIn(dataDir), 'it is a file, or lies below one'],
    ['that is read only', () => '/sys/waggle', '(this user is not allowed to|it is read only)'],
  ])('says what is wrong with a data folder %s', async (_, folder, reason) => {
    const bad = folder();
    const program = { command: '/bin/false', env: {} };
    const preparing = preparePrivateRedis({ program, dataDir: bad, fsync: 'no' }, log);
    await expect(preparing).rejects.toMatchObject({
      code: 'cannot_start',
      message: expect.stringMatching(`^DATA_DIR=${bad} cannot be used: ${reason}.*DATA_DIR=/path/to/folder`),
    });
  });

  it('says what Redis said when it cannot start', async () => {
    const program = { command: '/bin/false', env: {} };
    const redis = await preparePrivateRedis({ program, dataDir, fsync: 'no' }, log);
    running.push(redis);
    await expect(redis.start()).rejects.toThrow(/ended \(code 1\) before it could serve/);
  });
});
