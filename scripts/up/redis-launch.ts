import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Env } from '../../shared/config/env.js';
import { isAlive } from '../setup/lock.mjs';
import type { FsyncPolicy } from './config.js';

/** A Redis server to run, and its environment. */
export interface RedisProgram {
  command: string;
  env: Env;
}

/**
 * A pipe into which nobody ever writes. Its write end is held by every process that needs Redis; the guard of
 * Redis reads it, and the end of file tells it that the last of them is gone, however it ended.
 */
export interface Lifeline {
  /** File descriptor for a guard. */
  readEnd: number;
  /** File descriptor to hand to a child. */
  writeEnd: number;
  /** Lets go of the write end. */
  release(): void;
  /** Closes both ends. */
  close(): void;
}

/** Opens a lifeline by way of a named pipe in `folder`, since Node cannot make an unnamed one to share. */
export function openLifeline(folder: string): Lifeline {
  const path = join(folder, 'lifeline');
  execFileSync('mkfifo', ['-m', '600', path]);
  // Opening one end of a named pipe blocks until the other is open, except for a reader that asks not to.
  const opener = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeEnd = openSync(path, 'w');
  const readEnd = openSync(path, 'r');
  closeSync(opener);
  rmSync(path);
  let isHeld = true;
  const release = (): void => {
    if (isHeld) closeSync(writeEnd);
    isHeld = false;
  };
  return {
    readEnd,
    writeEnd,
    release,
    close() {
      release();
      closeSync(readEnd);
    },
  };
}

/** Options of the server. */
export interface RedisLaunch {
  program: RedisProgram;
  /** Holds the append-only file below `redis/`, and `redis.log`, which takes what Redis and its guard print. */
  dataDir: string;
  fsync: FsyncPolicy;
  /** This launcher's alone: holds the socket. */
  folder: string;
  lifeline: Lifeline;
}

/** From asking Redis to end until it is killed. */
const KILL_AFTER_SECONDS = 10;
const LARGEST_LOG_BYTES = 10 * 1024 * 1024;

/** The socket of the Redis that was launched with this folder. */
export const socketIn = (folder: string): string => join(folder, 'redis.sock');

/** Runs the guard, which runs Redis. */
export function launchRedis(launch: RedisLaunch): ChildProcess {
  const { program, dataDir, folder, lifeline } = launch;
  const logFile = join(dataDir, 'redis.log');
  endLeftover(join(folder, 'redis.pid'));
  const out = openSync(logFile, sizeOf(logFile) > LARGEST_LOG_BYTES ? 'w' : 'a');
  const guard = fileURLToPath(new URL('redis-guard.sh', import.meta.url));
  try {
    return spawn(
      'sh',
      [guard, folder, String(KILL_AFTER_SECONDS), program.command, ...redisArguments(launch)],
      {
        env: program.env,
        stdio: [lifeline.readEnd, out, out],
        // A group of its own: Ctrl-C must not reach Redis before its users have finished.
        detached: true,
      },
    );
  } finally {
    closeSync(out);
  }
}

/** Arguments of Redis: on a socket, its append-only file in `<dataDir>/redis`, which has to exist. */
export function redisArguments({
  folder,
  dataDir,
  fsync,
}: Pick<RedisLaunch, 'folder' | 'dataDir' | 'fsync'>): string[] {
  const settings = {
    port: '0',
    unixsocket: socketIn(folder),
    unixsocketperm: '700',
    pidfile: join(folder, 'redis.pid'),
    dir: join(dataDir, 'redis'),
    appendonly: 'yes',
    appendfsync: fsync,
    save: '',
    'maxmemory-policy': 'noeviction',
    // The old name, which every version knows. Small sorted sets as lists would cost each job 10 µs of searching.
    'zset-max-ziplist-entries': '0',
    loglevel: 'notice',
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

/**
 * Kills a Redis whose guard was killed. The folder is this launcher's alone and Redis removes the file when it ends
 * in order, so a living process of that number is that Redis.
 */
function endLeftover(pidFile: string): void {
  const pid = Number(readText(pidFile));
  if (pid > 0 && isAlive(pid)) process.kill(pid, 'SIGKILL');
  rmSync(pidFile, { force: true });
}

/** The end of a log file, for a message. */
export const lastLines = (path: string): string => readText(path).trimEnd().split('\n').slice(-6).join('\n');

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
