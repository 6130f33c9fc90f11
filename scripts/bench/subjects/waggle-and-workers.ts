import { fork } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { pause } from '../../../shared/process/pause.js';
import type { ReleaseStack } from '../../../shared/process/release-stack.js';
import { RecordScripts } from '../../../shared/records/records.js';
import { parseRedisAddress } from '../../../shared/redis/address.js';
import { openRedis, type Redis } from '../../../shared/redis/redis.js';
import { announceWorker, HEARTBEAT_MS } from '../../../shared/workers/registry.js';
import { readyMessage } from '../../up/ready-message.js';
import { toBeEnded } from '../ends.js';
import type { BenchHost } from '../service.js';
import { LINEAR_MODEL, tripRequests } from './peer.js';
import { openTogether } from './open-together.js';
import { startRedisServer } from './redis-server.js';
import { startWaggle, type WaggleSubject } from './waggle.js';

/** The model that the service's own worker serves. */
const OTHER_MODEL = 'trip-duration';
/** Whole requests that submit jobs of it. */
export const otherRequests = (headers: Readonly<Record<string, string>> = {}): string[] =>
  tripRequests('/jobs', { bodyOf: (trip) => `{"model":"${OTHER_MODEL}","input":${trip}}`, headers });

const LOOK_EVERY_MS = 20;
/** Longest time without a job that ends; it only bounds a run that hangs. */
const PATIENCE_MS = 120_000;

/** A worker that a benchmark starts and ends. */
export interface BenchWorker {
  pid: number;
  /** Resolves when it has left in good order. */
  stop(): Promise<void>;
}

/** A service that leaves jobs of the linear model to workers which the benchmark starts, and its Redis. */
export interface WaggleAndWorkers extends WaggleSubject {
  redis: Redis;
  /** The number of jobs of the linear model that ever succeeded. */
  succeeded(): Promise<number>;
  /** Resolves once that many jobs have succeeded, to their number and the time. */
  whenSucceeded(count: number): Promise<{ done: number; atMs: number }>;
  /** Resolves once it serves the linear model. `program` is one from the repository's folder: the worker, unless given. */
  startWorker(options?: { program?: string; env?: Readonly<Record<string, string>> }): Promise<BenchWorker>;
}

/** Starts the service on a Redis of its own, with a worker for another model. */
export const startWaggleAndWorkers = (host: BenchHost): Promise<WaggleAndWorkers> =>
  openTogether(host.log, async (release) => {
    const server = await startRedisServer(host);
    release.later('Redis', () => server.stop());
    const redisUrl = `unix://${server.socket}`;
    const service = await startWaggle(host, { REDIS_URL: redisUrl, MODELS: OTHER_MODEL });
    release.later('service', () => service.stop());
    const redis = await openRedis({ address: parseRedisAddress(redisUrl), onError: () => undefined });
    release.later('connection', () => redis.close());
    const records = new RecordScripts(redis, '');
    await announceLoadingWorker(records, release);
    const succeeded = async (): Promise<number> =>
      Number(await redis.command(['HGET', records.key('counts'), `${LINEAR_MODEL}:succeeded`]));
    return {
      ...service,
      redis,
      succeeded,
      async whenSucceeded(count) {
        for (let seen = -1, seenMs = performance.now(); ; await pause(LOOK_EVERY_MS)) {
          const [done, atMs] = [await succeeded(), performance.now()];
          if (done >= count) return { done, atMs };
          if (done > seen) [seen, seenMs] = [done, atMs];
          if (atMs - seenMs > PATIENCE_MS) throw new Error(`no job ended within ${PATIENCE_MS / 1000} s`);
        }
      },
      startWorker: ({ program = 'dist/worker/main.js', env = {} } = {}) =>
        forkWorker(host, program, { REDIS_URL: redisUrl, MODELS: LINEAR_MODEL, ...env }),
    };
  });

/** The API refuses jobs that no worker can serve. A worker that reports that it still loads may come to serve any model. */
async function announceLoadingWorker(records: RecordScripts, release: ReleaseStack): Promise<void> {
  const worker = { id: 'benchmark', host: hostname(), pid: process.pid, startedAtMs: Date.now(), models: [] };
  const announce = (): Promise<void> => announceWorker(records, { ...worker, loading: true });
  await announce();
  const timer = setInterval(() => void announce().catch(() => undefined), HEARTBEAT_MS);
  release.later('heartbeat', () => clearInterval(timer));
}

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
  const stop = toBeEnded(async () => {
    worker.kill('SIGTERM');
    await ended;
  });
  const failed = ended.then(() => {
    throw new Error(`${program} ended before it served: run it by hand to see why`);
  });
  await Promise.race([readyMessage(worker), failed]);
  return { pid: worker.pid ?? 0, stop };
}
