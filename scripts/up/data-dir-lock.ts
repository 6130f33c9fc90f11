import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from '../../shared/process/make-folder.js';
import { lives, tryLock } from '../setup/lock.mjs';
import { pingRedis } from './redis-ping.js';
import { StartError } from './start-error.js';

/** Time for the processes of a killed launcher, and then its Redis, to end. */
const LEAVING_MS = 30_000;

/**
 * Takes a data folder for one launcher, whose Redis has this socket: two Redis servers on one append-only file would
 * ruin it. Waits for the Redis of a killed launcher to end. Throws {@link StartError} when the folder is in use.
 * Returns the release.
 */
export async function lockDataDir(dataDir: string, socket: string): Promise<() => void> {
  makeFolder(dataDir);
  for (const deadline = Date.now() + LEAVING_MS; ; await sleep(100)) {
    const { release, holder } = await tryLock(join(dataDir, 'up.lock'), {
      facts: { socket },
      isFree: async (left) => (await pingRedis(String(left['socket']))) === 'silent',
    });
    if (release) return release;
    if (lives(holder)) {
      throw new StartError(
        `another npm start (process ${holder.pid}) uses ${dataDir}: stop it, or give this one a folder and a port ` +
          'of its own, as in DATA_DIR=.data2 PORT=8183 npm start',
      );
    }
    if (Date.now() >= deadline) {
      throw new StartError(
        `the Redis of an npm start that was killed still uses ${dataDir}, on ${String(holder['socket'])}: end it with ` +
          `redis-cli -s ${String(holder['socket'])} shutdown`,
      );
    }
  }
}
