import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../shared/log/logger.js';
import { ReleaseStack } from '../../shared/process/release-stack.js';
import { lockDataDir } from './data-dir-lock.js';
import { KeptProcess } from './kept-process.js';
import { openLifeline } from './lifeline.js';
import { lastLines, launchRedis, type RedisLaunch, socketIn } from './redis-launch.js';
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
  const folder = mkdtempSync(join(tmpdir(), 'waggle-'));
  const socket = socketIn(folder);
  const release = new ReleaseStack();
  release.later('socket folder', () => rmSync(folder, { recursive: true, force: true }));
  try {
    checkLength(socket);
    release.later('data folder', await lockDataDir(dataDir, socket));
    mkdirSync(join(dataDir, 'redis'), { recursive: true });
    const lifeline = openLifeline(folder);
    release.later('lifeline', () => lifeline.close());
    const redis = keptRedis({ ...options, folder, lifeline, logFile: join(dataDir, 'redis.log') }, log);
    release.later('server', () => redis.stop());
    return {
      url: `unix://${socket}`,
      lifeline: lifeline.writeEnd,
      start: () => redis.start(),
      stop: () => release.run(log),
    };
  } catch (error) {
    await release.run(log);
    throw error;
  }
}

function checkLength(socket: string): void {
  if (Buffer.byteLength(socket) <= LONGEST_SOCKET_PATH) return;
  throw new StartError(
    `${socket} is too long a path for a socket: set TMPDIR to a shorter folder, such as /tmp`,
  );
}

function keptRedis(launch: RedisLaunch, log: Logger): KeptProcess<void> {
  const { folder, lifeline, logFile } = launch;
  return new KeptProcess<void>(
    {
      name: 'the private Redis',
      launch: () => launchRedis(launch),
      async ready(_child, gone) {
        while (!gone.aborted && (await pingRedis(socketIn(folder))) !== 'ready') await sleep(20);
      },
      stop: () => lifeline.release(),
      advice: (ended) =>
        `the private Redis ended (${ended}) before it could serve. The end of ${logFile}:\n${lastLines(logFile)}`,
    },
    log,
  );
}
