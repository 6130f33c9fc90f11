import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { redisArguments, socketIn } from '../../up/redis-launch.js';
import { pingRedis } from '../../up/redis-ping.js';
import { toBeEnded } from '../ends.js';
import type { BenchHost } from '../service.js';
import { startServing } from './child.js';

/** A Redis of a benchmark's own. */
export interface BenchRedis {
  /** Path of its socket. */
  socket: string;
  pid: number;
  stop(): Promise<void>;
}

/** Starts Redis in the settings that `npm start` gives it, appended to the disk every second, with data of its own. */
export async function startRedisServer(host: BenchHost): Promise<BenchRedis> {
  const { command, env: own } = await host.ensureRedis();
  const folder = mkdtempSync(join(tmpdir(), 'waggle-bench-redis-'));
  const remove = toBeEnded(async () => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'redis'));
  const socket = socketIn(folder);
  const args = redisArguments({ folder, dataDir: folder, fsync: 'everysec' });
  const server = await startServing(
    { command, args, env: { ...host.env, ...own }, cwd: host.root },
    async () => (await pingRedis(socket)) === 'ready',
  );
  return {
    socket,
    pid: server.pid,
    async stop() {
      await server.stop();
      await remove();
    },
  };
}
