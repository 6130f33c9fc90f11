import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SetupError } from './setup-error.mjs';

/** Within this time two processes that both removed a stale lock have met, in ms. */
const SETTLE_MS = 50;
const GIVE_UP_MS = 20 * 60_000;

/**
 * The process that holds a lock, and what it noted there. `started` tells the process from later ones of the same
 * number; earlier versions did not note it, and not every system tells it.
 *
 * @typedef {{ pid: number, started?: unknown, [fact: string]: unknown }} Holder
 */

/**
 * This process, as a {@link Holder}.
 *
 * @returns {{ pid: number, started: string | undefined }}
 */
export const thisProcess = () => ({ pid: process.pid, started: startOf(process.pid) });

/**
 * Whether a process of this number exists, ours or not.
 *
 * @param {number} pid
 */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process belongs to another user.
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * A text that no other process of this number has had or will have; undefined where none runs or the system does not
 * tell.
 *
 * @param {number} pid
 */
export function startOf(pid) {
  try {
    if (!existsSync('/proc/self/stat')) {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    }
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, field 2, may hold anything; field 22 is the start in ticks since the machine was booted.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${ticks}`;
  } catch {
    return undefined;
  }
}

/**
 * Whether the holder of a lock still runs. Without a start, our own number is that of an earlier process.
 *
 * @param {Pick<Holder, 'pid' | 'started'>} holder
 */
export const lives = ({ pid, started }) =>
  isAlive(pid) && (started === undefined ? pid !== process.pid : started === startOf(pid));

/**
 * Takes a lock file, with `facts` for other processes to read. Resolves to the release, or to the holder where that
 * still runs. A lock whose holder has ended is taken over, unless `isFree` says that the holder left something behind.
 *
 * @param {string} path
 * @param {{ facts?: Record<string, unknown>, isFree?: (holder: Holder) => Promise<boolean> }} [options]
 * @returns {Promise<{ release: () => void, holder?: undefined } | { release?: undefined, holder: Holder }>}
 */
export async function tryLock(path, { facts = {}, isFree = async () => true } = {}) {
  const ours = JSON.stringify({ ...thisProcess(), ...facts });
  for (;;) {
    if (create(path, ours)) {
      // Of two processes that find a stale lock, the slower one may have removed the fresh lock of the faster one.
      await sleep(SETTLE_MS);
      if (read(path) === ours) return { release: () => remove(path, ours) };
    }
    const found = read(path);
    const holder = parseHolder(found);
    if (holder && (lives(holder) || !(await isFree(holder)))) return { holder };
    remove(path, found);
  }
}

/**
 * Runs `work` while no other process runs its own under the same lock file.
 *
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @param {{ onWait?: (holderPid: number) => void, giveUpMs?: number }} [options]
 * @returns {Promise<T>}
 */
export async function withLock(path, work, { onWait, giveUpMs = GIVE_UP_MS } = {}) {
  mkdirSync(dirname(path), { recursive: true });
  const deadline = Date.now() + giveUpMs;
  for (let isFirst = true; ; isFirst = false) {
    const { release, holder } = await tryLock(path);
    if (release) {
      try {
        return await work();
      } finally {
        release();
      }
    }
    if (Date.now() > deadline) {
      throw new SetupError(
        `Process ${holder.pid} has held ${path} for too long: end it, or delete that file, and try again.`,
      );
    }
    if (isFirst) onWait?.(holder.pid);
    await sleep(200);
  }
}

/**
 * @param {string} path
 * @param {string} text
 * @returns {boolean} whether there was none
 */
function create(path, text) {
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code === 'EEXIST') return false;
    // A full disk leaves an empty file.
    if (code === 'ENOSPC') rmSync(path, { force: true });
    throw error;
  }
}

/**
 * @param {string} path
 * @param {string | undefined} text removes nothing else, which another process has written meanwhile
 */
function remove(path, text) {
  if (read(path) === text) rmSync(path, { force: true });
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * @param {string | undefined} text
 * @returns {Holder | undefined} undefined for a text that names no process
 */
function parseHolder(text) {
  try {
    const value = JSON.parse(text ?? 'null');
    return typeof value?.pid === 'number' ? value : undefined;
  } catch {
    return undefined;
  }
}
