import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRecord } from '../../shared/text/is-record.js';
import { makeFolder } from '../../shared/process/make-folder.js';
import { errorCode } from '../../shared/system-error.js';
import { isAlive, startOf } from './processes.js';
import { pingRedis } from './redis-ping.js';
import { StartError } from './start-error.js';

/** Who uses a data folder: the launcher, and the socket of its Redis. */
interface Holder {
  pid: number;
  /** When the launcher started, as {@link startOf} has it: after a crash its number may be another's, or ours. */
  started?: string | undefined;
  socket: string;
}

/** How long the processes of a killed launcher, and then its Redis, may take to end. */
const LEAVING_MS = 30_000;
/** Within which two launchers that both removed a stale lock have met. */
const SETTLE_MS = 50;

/**
 * Takes a data folder for one launcher: two Redis servers on one append-only file would ruin it. Waits for the Redis
 * of a launcher that was killed to end. Throws {@link StartError} when the folder is in use. Returns the release.
 */
export async function lockDataDir(dataDir: string, socket: string): Promise<() => void> {
  makeFolder(dataDir);
  const path = join(dataDir, 'up.lock');
  const { pid } = process;
  const mine = JSON.stringify({ pid, started: startOf(pid), socket } satisfies Holder);
  for (const deadline = Date.now() + LEAVING_MS; ; ) {
    if (create(path, mine)) {
      await sleep(SETTLE_MS);
      if (read(path) === mine) return () => rmSync(path, { force: true });
    }
    const found = read(path);
    const holder = parseHolder(found);
    if (holder && lives(holder)) {
      throw new StartError(
        `another npm start (process ${holder.pid}) uses ${dataDir}: stop it, or give this one a folder and a port ` +
          'of its own, as in DATA_DIR=.data2 PORT=8183 npm start',
      );
    }
    if (!holder || (await pingRedis(holder.socket)) === 'silent') {
      // Unless another has taken it over meanwhile.
      if (read(path) === found) rmSync(path, { force: true });
    } else if (Date.now() < deadline) await sleep(100);
    else {
      throw new StartError(
        `the Redis of an npm start that was killed still uses ${dataDir}, on ${holder.socket}: end it with ` +
          `redis-cli -s ${holder.socket} shutdown`,
      );
    }
  }
}

function create(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    // A full disk leaves an empty file.
    if (errorCode(error) === 'ENOSPC') rmSync(path, { force: true });
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
    const { pid, socket, started } = isRecord(value) ? value : {};
    if (typeof pid !== 'number' || typeof socket !== 'string') return undefined;
    return { pid, socket, started: typeof started === 'string' ? started : undefined };
  } catch {
    return undefined;
  }
}

/** Whether its launcher lives. Without a time of its start, as earlier versions wrote it, our own number is not ours. */
const lives = ({ pid, started }: Holder): boolean =>
  isAlive(pid) && (started === undefined ? pid !== process.pid : started === startOf(pid));
