import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureRedis } from '../../../scripts/setup/redis.mjs';
import { root } from '../../../scripts/setup/project.mjs';
import { pingRedis } from '../../../scripts/up/redis-ping.js';
import { until } from '../../support/latch.js';
import { isRunning } from '../../support/processes.js';

const GUARD = join(root, 'scripts/up/redis-guard.sh');

let folder: string;
let launcher: ChildProcess;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waggle-guard-'));
});
afterEach(() => {
  launcher.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** A process whose standard input pipe to the guard is all that keeps Redis alive. */
async function launch(): Promise<{ redis: number; guard: number }> {
  const { command, env } = await ensureRedis();
  const socket = join(folder, 'redis.sock');
  const pidFile = join(folder, 'redis.pid');
  const settings = [
    '--port',
    '0',
    '--unixsocket',
    socket,
    '--pidfile',
    pidFile,
    '--dir',
    folder,
    '--save',
    '',
  ];
  const script = `
    const { spawn } = require('node:child_process');
    const args = ${JSON.stringify([GUARD, folder, '1', command, ...settings])};
    const guard = spawn('sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    process.stdout.write(String(guard.pid));
    setInterval(() => undefined, 1000);`;
  launcher = spawn(process.execPath, ['-e', script], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const guard = await new Promise<number>((resolve) =>
    launcher.stdout?.once('data', (text: Buffer) => resolve(Number(text))),
  );
  await until(async () => (await pingRedis(socket)) === 'ready');
  return { redis: Number(readFileSync(pidFile, 'utf8')), guard };
}

describe('the guard of Redis', () => {
  it('ends Redis and cleans up when its launcher is killed', async () => {
    const { redis, guard } = await launch();
    launcher.kill('SIGKILL');
    await until(() => !isRunning(redis) && !isRunning(guard));
    expect(existsSync(folder)).toBe(false);
  });

  it('kills a Redis that does not answer', async () => {
    const { redis, guard } = await launch();
    process.kill(redis, 'SIGSTOP');
    launcher.kill('SIGKILL');
    expect(await until(() => !isRunning(redis) && !isRunning(guard))).toBe(true);
  });

  it('stays out of the way of signals to the foreground', async () => {
    const { redis, guard } = await launch();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(guard, signal);
    expect(await pingRedis(join(folder, 'redis.sock'))).toBe('ready');
    expect(isRunning(guard)).toBe(true);
    launcher.kill('SIGKILL');
    await until(() => !isRunning(redis));
  });

  it('ends Redis also when the guard was killed first', async () => {
    const { redis, guard } = await launch();
    process.kill(guard, 'SIGKILL');
    await until(() => !isRunning(guard));
    launcher.kill('SIGKILL');
    await until(() => !isRunning(redis));
    expect(await until(() => !existsSync(folder))).toBe(true);
  });
});
