import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../shared/log/logger.js';
import { makeFolder } from '../../shared/process/make-folder.js';
import { ReleaseStack } from '../../shared/process/release-stack.js';
import { systemReason } from '../../shared/system-error.js';
import { lockDataDir } from './data-dir-lock.js';
import { KeptProcess } from './kept-process.js';
import { lastLines, launchRedis, openLifeline, type RedisLaunch, socketIn } from './redis-launch.js';
import { pingRedis } from './redis-ping.js';
import { StartError } from './start-error.js';

/** A Redis of our own. */
export interface PrivateRedis {
  url: string;
  /** File descriptor to hand to every process that uses it: it runs until the last of them is gone. */
  lifeline: number;
  /** Resolves once it serves, which takes as long as it reads its append-only file. */
  start(): Promise<void>;
  /** Writes the append-only file out and ends it. To be called when its users are gone. */
  stop(): Promise<void>;
}

/** A socket's path is stored in 104 bytes on macOS, 108 on Linux, its final zero included. */
const LONGEST_SOCKET_PATH = 100;

/**
 * Readies a Redis on a unix socket in a fresh folder, its data below `dataDir`. Once started it is kept running on the
 * same socket and append-only file if it dies, and ends with its users even when they are killed (redis-guard.sh).
 */
export async function preparePrivateRedis(
  options: Pick<RedisLaunch, 'program' | 'dataDir' | 'fsync'>,
  log: Logger,
): Promise<PrivateRedis> {
  const { dataDir } = options;
  const folder = makeSocketFolder();
  const socket = socketIn(folder);
  const release = new ReleaseStack();
  release.later('socket folder', () => rmSync(folder, { recursive: true, force: true }));
  try {
    checkLength(socket);
    release.later('data folder', await lockDataDir(dataDir, socket));
    makeFolder(join(dataDir, 'redis'));
    const lifeline = openLifeline(folder);
    release.later('lifeline', () => lifeline.close());
    const redis = keptRedis({ ...options, folder, lifeline }, log);
    release.later('server', () => redis.stop());
    return {
      url: `unix://${socket}`,
      lifeline: lifeline.writeEnd,
      start: () => redis.start(),
      stop: () => release.run(log),
    };
  } catch (error) {
    await release.run(log);
    throw folderError('DATA_DIR', dataDir, error);
  }
}

function makeSocketFolder(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'waggle-'));
  } catch (error) {
    throw folderError('TMPDIR', tmpdir(), error);
  }
}

/** A system's error about the folder that a variable names, with what to do about it; anything else as it is. */
function folderError(variable: string, folder: string, error: unknown): unknown {
  const reason = systemReason(error);
  if (reason === undefined) return error;
  return new StartError(
    `${variable}=${folder} cannot be used: ${reason}. Mend that, or name another folder, as in ` +
      `${variable}=/path/to/folder npm start`,
    { cause: error },
  );
}

function checkLength(socket: string): void {
  if (Buffer.byteLength(socket) <= LONGEST_SOCKET_PATH) return;
  throw new StartError(
    `${socket} is too long a path for a socket: set TMPDIR to a shorter folder, such as /tmp`,
  );
}

function keptRedis(launch: RedisLaunch, log: Logger): KeptProcess<void> {
  const { folder, lifeline } = launch;
  return new KeptProcess<void>(
    {
      name: 'the private Redis',
      launch: () => launchRedis(launch),
      async ready(_child, gone) {
        while (!gone.aborted && (await pingRedis(socketIn(folder))) !== 'ready') await sleep(20);
      },
      stop: () => lifeline.release(),
      advice: (ended) => adviceOn(ended, launch),
    },
    log,
  );
}

/** Less than this is too little for a Redis to start, in bytes. */
const LEAST_SPACE_BYTES = 1_048_576;

function adviceOn(ended: string, { dataDir }: RedisLaunch): string {
  const logFile = join(dataDir, 'redis.log');
  const { bavail, bsize } = statfsSync(dataDir);
  const isFull = bavail * bsize < LEAST_SPACE_BYTES;
  const reason = isFull
    ? `, since no space is left in DATA_DIR=${dataDir}: free some, or name another folder`
    : '';
  return `the private Redis ended (${ended}) before it could serve${reason}. The end of ${logFile}:\n${lastLines(logFile)}`;
}
