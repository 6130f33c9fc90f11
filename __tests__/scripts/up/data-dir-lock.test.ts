import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOf } from '../../../scripts/setup/lock.mjs';
import { lockDataDir } from '../../../scripts/up/data-dir-lock.js';

let folder: string;
let server: Server | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waggle-lock-'));
});
afterEach(() => {
  server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

const lockPath = (): string => join(folder, 'up.lock');
const holder = (): unknown => JSON.parse(readFileSync(lockPath(), 'utf8')).pid;

async function pidOfEndedProcess(): Promise<number> {
  const child = spawn('true');
  await new Promise((resolve) => child.once('exit', resolve));
  return child.pid ?? 0;
}

/** Something that answers PING on a socket, until told to close. */
async function listen(socket: string): Promise<Server> {
  server = createServer((client) => client.end('+PONG\r\n'));
  await new Promise<void>((resolve) => server?.listen(socket, resolve));
  return server;
}

describe('lockDataDir', () => {
  it('takes a folder that does not exist yet and gives it back', async () => {
    const dataDir = join(folder, 'new/data');
    const release = await lockDataDir(dataDir, '/nowhere');
    expect(existsSync(join(dataDir, 'up.lock'))).toBe(true);
    release();
    expect(existsSync(join(dataDir, 'up.lock'))).toBe(false);
  });

  it('refuses a folder whose launcher is about to start its Redis', async () => {
    await lockDataDir(folder, '/nowhere');
    await expect(lockDataDir(folder, '/elsewhere')).rejects.toThrow(`process ${process.pid}`);
  });

  it.each(['not json', '{"pid":"x"}', '[]'])('takes over a lock that says %s', async (text) => {
    writeFileSync(lockPath(), text);
    await lockDataDir(folder, '/nowhere');
    expect(holder()).toBe(process.pid);
  });

  it('takes over from a launcher that is gone with its Redis', async () => {
    writeFileSync(
      lockPath(),
      JSON.stringify({ pid: await pidOfEndedProcess(), socket: join(folder, 'none') }),
    );
    await lockDataDir(folder, '/nowhere');
    expect(holder()).toBe(process.pid);
  });

  it('takes over from a launcher whose number is another process by now, or its own', async () => {
    const started = startOf(process.ppid);
    for (const left of [
      { pid: process.ppid, started: `${started}0`, socket: join(folder, 'none') },
      { pid: process.pid, started, socket: join(folder, 'none') },
      { pid: process.pid, socket: join(folder, 'none') },
    ]) {
      writeFileSync(lockPath(), JSON.stringify(left));
      (await lockDataDir(folder, '/nowhere'))();
    }
    writeFileSync(lockPath(), JSON.stringify({ pid: process.ppid, started, socket: join(folder, 'none') }));
    await expect(lockDataDir(folder, '/nowhere')).rejects.toThrow(`process ${process.ppid}`);
  });

  it('waits for the Redis of a killed launcher to end', async () => {
    const socket = join(folder, 'old.sock');
    const redis = await listen(socket);
    writeFileSync(lockPath(), JSON.stringify({ pid: await pidOfEndedProcess(), socket }));
    const asked = new Promise<void>((resolve) => redis.once('connection', () => resolve()));
    const taking = lockDataDir(folder, '/nowhere');
    await asked;
    expect(holder()).not.toBe(process.pid);
    redis.close();
    await taking;
    expect(holder()).toBe(process.pid);
  });
});
