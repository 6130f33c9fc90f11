import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseRedisAddress } from '../../../shared/redis/address.js';
import { openRedis } from '../../../shared/redis/redis.js';
import { readyMessage } from '../../up/ready-message.js';
import type { BenchHost } from '../service.js';
import { LINEAR_MODEL } from './peer.js';
import { startRedisServer } from './redis-server.js';
import { startWaggle } from './waggle.js';

/** A worker of the linear model. */
export interface BacklogWorker {
  pid: number;
  stop(): Promise<void>;
}

/** This service with nobody who works jobs of the linear model off, until a worker is started. */
export type Backlog = Awaited<ReturnType<typeof openBacklog>>;

/** Starts Redis and the service, whose own worker serves another model. */
export async function openBacklog(host: BenchHost) {
  const redis = await startRedisServer(host);
  const url = `unix://${redis.socket}`;
  const service = await startWaggle(host, { REDIS_URL: url, MODELS: 'trip-duration' });
  const connection = await openRedis({ address: parseRedisAddress(url), onError: () => undefined });
  return {
    redis: connection,
    service,
    /** Jobs that ever succeeded. */
    succeeded: async () =>
      Number(await connection.command(['HGET', 'waggle:counts', `${LINEAR_MODEL}:succeeded`])),
    startWorker: () => startWorker(host, url),
    async stop() {
      await service.stop();
      await connection.close();
      await redis.stop();
    },
  };
}

async function startWorker(host: BenchHost, redisUrl: string): Promise<BacklogWorker> {
  const worker = fork(join(host.root, 'dist/worker/main.js'), [], {
    cwd: host.root,
    env: { ...host.env, REDIS_URL: redisUrl, MODELS: LINEAR_MODEL, LOG_LEVEL: 'info' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(worker, 'exit');
  const gone = ended.then(() => {
    throw new Error('the worker ended before it served');
  });
  gone.catch(() => undefined);
  await Promise.race([readyMessage(worker), gone]);
  return {
    pid: worker.pid ?? 0,
    async stop() {
      worker.kill('SIGTERM');
      await ended;
    },
  };
}
