import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { readyMessage } from '../../up/ready-message.js';
import type { BenchHost } from '../service.js';
import { LINEAR_MODEL } from './peer.js';
import { openTogether } from './open-together.js';
import { startRedisServer } from './redis-server.js';
import { startWaggle, type WaggleSubject } from './waggle.js';

/** The model of the service's own worker. */
export const OTHER_MODEL = 'trip-duration';

/** A worker that a benchmark starts and ends. */
export interface BenchWorker {
  pid: number;
  /** Resolves when it has left in good order. */
  stop(): Promise<void>;
}

/** A service that leaves jobs of the linear model to workers which the benchmark starts. */
export interface WaggleAndWorkers extends WaggleSubject {
  redisUrl: string;
  /** Resolves once it serves the linear model. `program` is one from the repository's folder: the worker, unless given. */
  startWorker(options?: { program?: string; env?: Readonly<Record<string, string>> }): Promise<BenchWorker>;
}

/** Starts the service on a Redis of its own, with a worker for another model. */
export const startWaggleAndWorkers = (host: BenchHost): Promise<WaggleAndWorkers> =>
  openTogether(host.log, async (release) => {
    const redis = await startRedisServer(host);
    release.later('Redis', () => redis.stop());
    const redisUrl = `unix://${redis.socket}`;
    const service = await startWaggle(host, { REDIS_URL: redisUrl, MODELS: OTHER_MODEL });
    release.later('service', () => service.stop());
    return {
      ...service,
      redisUrl,
      startWorker: ({ program = 'dist/worker/main.js', env = {} } = {}) =>
        forkWorker(host, program, { REDIS_URL: redisUrl, MODELS: LINEAR_MODEL, ...env }),
    };
  });

async function forkWorker(
  host: BenchHost,
  program: string,
  env: Readonly<Record<string, string>>,
): Promise<BenchWorker> {
  const worker = fork(join(host.root, program), [], {
    cwd: host.root,
    env: { ...host.env, LOG_LEVEL: 'info', LOG_DIR: '', ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(worker, 'exit');
  const failed = ended.then(() => {
    throw new Error(`${program} ended before it served: run it by hand to see why`);
  });
  await Promise.race([readyMessage(worker), failed]);
  return {
    pid: worker.pid ?? 0,
    async stop() {
      worker.kill('SIGTERM');
      await ended;
    },
  };
}
