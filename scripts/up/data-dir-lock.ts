import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from './error-code.js';
import { isAlive } from './processes.js';
import { pingRedis } from './redis-ping.js';
import { StartError } from './start-error.js';

/** Who uses a data folder: the launcher, and the socket of its Redis. */
interface Holder {
  pid: number;
  socket: string;
}

/** How long the processes of a killed launcher, and then its Redis, may take to end. */
const LEAVING_MS = 30_000;
/** From taking the lock until its Redis accepts connections, at most. */
const STARTING_MS = 30_000;
/** Within which two launchers that both removed a stale lock have met. */
const SETTLE_MS = 50;

/**
 * Takes a data folder for one launcher: two Redis servers on one append-only file would ruin it. Waits for the Redis
 * of a launcher that was killed to end. Throws {@link StartError} when the folder is in use. Returns the release.
 */
export async function lockDataDir(dataDir: string, socket: string): Promise<() => void> {
  mkdirSync(dataDir, { recursive: true });
  const path = join(dataDir, 'up.lock');
  const mine = JSON.stringify({ pid: process.pid, socket } satisfies Holder);
  for (const deadline = Date.now() + LEAVING_MS; ; ) {
    if (create(path, mine)) {
      await sleep(SETTLE_MS);
      if (read(path) === mine) return () => rmSync(path, { force: true });
    }
    const holder = parseHolder(read(path));
    const isServing = holder !== undefined && (await pingRedis(holder.socket)) !== 'silent';
    if (holder === undefined || !(isServing || isStarting(path, holder))) {
      rmSync(path, { force: true });
    } else if (isAlive(holder.pid) || Date.now() > deadline) {
      throw new StartError(
        `another npm start (process ${holder.pid}) uses ${dataDir}: stop it, or give this one a folder and a port ` +
          'of its own, as in DATA_DIR=.data2 PORT=8183 npm start',
      );
    } else await sleep(100);
  }
}

function create(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function parseHolder(text: string | undefined): Holder | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const isHolder = typeof value === 'object' && value !== null && 'pid' in value && 'socket' in value;
    if (!isHolder) return undefined;
    const { pid, socket } = value;
    return typeof pid === 'number' && typeof socket === 'string' ? { pid, socket } : undefined;
  } catch {
    return undefined;
  }
}

/** Its launcher lives and has taken the lock just now: the Redis is on its way. */
function isStarting(path: string, { pid }: Holder): boolean {
  if (!isAlive(pid)) return false;
  try {
    return Date.now() - statSync(path).mtimeMs < STARTING_MS;
  } catch {
    return false;
  }
}
