import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, SetupError } from './setup-error.mjs';

const REFRESH_MS = 2_000;
const STALE_MS = 30_000;
const SETTLE_MS = 50;
const GIVE_UP_MS = 20 * 60_000;

/**
 * Runs `work` while no other process runs its own under the same lock file. A lock whose process is gone, or that
 * has not been refreshed for half a minute (its number may belong to another process by now), counts as left behind.
 *
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @param {{ onWait?: (holderPid: number) => void, staleMs?: number, giveUpMs?: number }} [options]
 * @returns {Promise<T>}
 */
export async function withLock(path, work, { onWait, staleMs = STALE_MS, giveUpMs = GIVE_UP_MS } = {}) {
  mkdirSync(dirname(path), { recursive: true });
  const deadline = Date.now() + giveUpMs;
  for (let told = false; !(await acquire(path)); ) {
    const holder = holderOf(path, staleMs);
    if (holder === undefined) {
      rmSync(path, { force: true });
      continue;
    }
    if (Date.now() > deadline) {
      throw new SetupError(
        `Process ${holder} has held ${path} for too long: end it, or delete that file, and try again.`,
      );
    }
    if (!told) onWait?.(holder);
    told = true;
    await sleep(200);
  }
  const refresh = setInterval(() => touch(path), REFRESH_MS);
  try {
    return await work();
  } finally {
    clearInterval(refresh);
    if (isOurs(path)) rmSync(path, { force: true });
  }
}

/**
 * Creates the lock. Two processes that both find a stale lock may each delete it, the slower one a fresh lock of the
 * faster one; so whoever creates it looks again a moment later whether it is still theirs.
 *
 * @param {string} path
 */
async function acquire(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    await sleep(SETTLE_MS);
    return isOurs(path);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * @param {string} path
 * @param {number} staleMs
 * @returns {number | undefined} the live holder's process id; undefined when the lock was left behind or is gone
 */
function holderOf(path, staleMs) {
  try {
    const ageMs = Date.now() - statSync(path).mtimeMs;
    const pid = Number(readFileSync(path, 'utf8'));
    // An empty file is a lock whose owner is about to write its number.
    if (pid === 0) return ageMs < 1_000 ? 0 : undefined;
    return ageMs < staleMs && isAlive(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to someone else.
    return errorCode(error) === 'EPERM';
  }
}

/** @param {string} path */
function isOurs(path) {
  try {
    return readFileSync(path, 'utf8') === String(process.pid);
  } catch {
    return false;
  }
}

/** @param {string} path */
function touch(path) {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // Deleted from outside: nothing is left to refresh.
  }
}
