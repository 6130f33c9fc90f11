import { join } from 'node:path';
import type { Env } from '../../shared/config/env.js';
import { messageOf } from '../../shared/errors.js';
import type { Logger } from '../../shared/log/logger.js';
import type { ReleaseStack } from '../../shared/process/release-stack.js';
import { describeRedisAddress } from '../../shared/redis/address.js';
import type { BannerFacts } from './banner.js';
import type { UpConfig } from './config.js';
import { checkPort } from './port.js';
import { preparePrivateRedis } from './private-redis.js';
import type { ProcessGroup } from './process-group.js';
import { apiPrograms, type ProgramOptions, workerPrograms } from './programs.js';
import type { RedisProgram } from './redis-launch.js';
import { StartError } from './start-error.js';

/** Handed over by the set-up, which is plain JavaScript. */
export interface SetUp {
  /** The repository's folder. */
  root: string;
  /** Of this process; its children inherit it. */
  env: Env;
  /** Finds a Redis server on this machine, or installs one. Its `env` goes beside ours. */
  ensureRedis(): Promise<RedisProgram>;
}

/** The same for the command line. */
export interface CliSetUp extends SetUp {
  /** Installs the services that the benchmark compares with, where it can; resolves to the interpreter of those of Python. */
  tryPeers(this: void, which: 'node' | 'all'): Promise<string | undefined>;
  /** Builds the native TensorFlow packages; paths of a wheel or of a folder with the library. */
  setUpNative(this: void, options: { wheel?: string; library?: string; gpu?: boolean }): Promise<void>;
}

/** Parts that starting needs, and the stack on which it registers the ends of the processes that it started. */
export interface StartContext {
  config: UpConfig;
  setUp: SetUp;
  log: Logger;
  release: ReleaseStack;
  group: ProcessGroup;
  stopping: AbortSignal;
}

/** The processes that run. */
export type StartedFacts = Omit<BannerFacts, 'seconds' | 'models'> & { port: number };

/** So long the APIs have to turn new requests away before the workers are told to finish, in ms. */
const API_HEAD_START_MS = 1_000;
const STILL_WAITING_MS = 10_000;

/**
 * Starts everything in order; whatever is started has its end registered first. Resolves once all of it serves.
 * Rejects when something cannot start, or at once when it should stop; the release stack then ends what there is.
 */
export async function startAll(context: StartContext): Promise<StartedFacts> {
  const { config, release, group } = context;
  await checkPort(config.host, config.port);
  const redis = await openRedis(context);
  const { workers, apis } = programsOf(context, redis);
  release.later('workers', () => group.stop());
  const workersReady = group.start(workers);
  release.later('APIs', () => group.stop(apis, API_HEAD_START_MS));
  const apisReady = group.start(apis);
  const notice = setInterval(
    () => context.log.info('still starting', { redis: redis.description }),
    STILL_WAITING_MS,
  );
  const [fromWorkers, fromApis] = await unlessAborted(
    context.stopping,
    Promise.all([workersReady, apisReady]),
  ).finally(() => clearInterval(notice));
  const port = fromApis.find((message) => message.port !== undefined)?.port ?? config.port;
  return {
    port,
    url: urlOf(config.host, port),
    engines: [...new Set(fromWorkers.flatMap(({ engines }) => engines))],
    redis: redis.description,
    apis: config.apis,
    workers: config.workers,
  };
}

/** A Redis to hand to children: where it is, in words, and what keeps it alive when it is our own. */
interface OpenedRedis {
  env: Record<string, string>;
  description: string;
  lifeline: number | undefined;
}

async function openRedis(context: StartContext): Promise<OpenedRedis> {
  const { config, setUp, log, release, stopping } = context;
  const plan = config.redis;
  if (plan.kind === 'given') {
    return { env: {}, description: describeRedisAddress(plan.address), lifeline: undefined };
  }
  const found = await setUp.ensureRedis().catch((cause: unknown) => {
    throw new StartError(messageOf(cause), { cause });
  });
  stopping.throwIfAborted();
  const program = { command: found.command, env: { ...setUp.env, ...found.env } };
  const redis = await preparePrivateRedis({ program, dataDir: plan.dataDir, fsync: plan.fsync }, log);
  release.later('Redis', () => redis.stop());
  await unlessAborted(stopping, redis.start());
  return {
    env: { REDIS_URL: redis.url },
    description: `private, ${redis.url}, data in ${plan.dataDir}`,
    lifeline: redis.lifeline,
  };
}

function programsOf({ config, setUp, log }: StartContext, redis: OpenedRedis) {
  const options = (side: 'api' | 'worker', count: number): ProgramOptions => ({
    program: join(setUp.root, 'dist', side, 'main.js'),
    count,
    cwd: setUp.root,
    env: { ...setUp.env, ...redis.env },
    lifeline: redis.lifeline,
  });
  return {
    workers: workerPrograms(options('worker', config.workers), log),
    apis: apiPrograms({ ...options('api', config.apis), port: config.port }, log),
  };
}

/** The promise's outcome, or a rejection as soon as the signal comes. */
function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(new StartError(`stopped by ${String(signal.reason)}`));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    void promise.catch(() => undefined).then(() => signal.removeEventListener('abort', onAbort));
  });
  return Promise.race([promise, aborted]);
}

/** An address that a browser on this machine can open. */
function urlOf(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
