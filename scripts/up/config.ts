import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Env, readEnv } from '../../shared/config/env.js';
import { ConfigError } from '../../shared/errors.js';
import { LOG_LEVELS, type LogConfig } from '../../shared/log/logger.js';
import { parseRedisAddress, type RedisAddress } from '../../shared/redis/address.js';

/** The interval at which the private Redis brings its append-only file to the disk. */
export const FSYNC_POLICIES = ['always', 'everysec', 'no'] as const;
export type FsyncPolicy = (typeof FSYNC_POLICIES)[number];

/** Where Redis is: somebody's own, or a private one that the launcher runs. */
export type RedisPlan =
  | { kind: 'given'; address: RedisAddress }
  | { kind: 'private'; dataDir: string; fsync: FsyncPolicy };

/** Configuration of the launcher itself; the processes that it starts read their own. */
export interface UpConfig {
  host: string;
  /** 0: any free one. */
  port: number;
  redis: RedisPlan;
  workers: number;
  apis: number;
  /** Time for API and worker processes to finish the jobs and requests in hand, in ms. */
  graceMs: number;
  log: LogConfig;
}

/** Reads the environment once. `DATA_DIR` is relative to `root`. Throws one ConfigError that names every bad variable. */
export function readUpConfig(env: Env, root: string, isTerminal: boolean): Readonly<UpConfig> {
  return readEnv(env, (read) => {
    const given = read.optional('REDIS_URL');
    const dataDir = resolve(root, read.text('DATA_DIR', '.data'));
    if (given === undefined && (read.optional('REDIS_REPLICAS_ACK') ?? '0') !== '0') {
      read.problems.push('REDIS_REPLICAS_ACK needs REDIS_URL: the private Redis has no replicas');
    }
    const fsync = read.choice('REDIS_FSYNC', FSYNC_POLICIES, 'everysec');
    return {
      host: read.text('HOST', '127.0.0.1'),
      port: read.int('PORT', 8182, { max: 65_535 }),
      redis:
        given === undefined
          ? { kind: 'private', dataDir, fsync }
          : { kind: 'given', address: read.parsed('REDIS_URL', 'redis://127.0.0.1', parseRedisAddress) },
      workers: read.int('WORKERS', 1, { min: 1, max: 256 }),
      apis: read.int('WEB_CONCURRENCY', 1, { min: 1, max: 256 }),
      graceMs: read.int('GRACE_MS', 10_000, { max: 3_600_000 }),
      log: {
        level: read.choice('LOG_LEVEL', LOG_LEVELS, 'info'),
        dir: read.optional('LOG_DIR'),
        pretty: isTerminal,
      },
    } satisfies UpConfig;
  });
}

/** Functions that read the configuration of the programs that the launcher starts, in `dist/<program>/config.js`. */
const READERS = { api: 'readApiConfig', worker: 'readWorkerConfig' };

type ConfigModule = Readonly<Record<string, (env: Env, isTerminal: boolean) => unknown>>;

/**
 * The launcher's own configuration. Reads that of the programs, too, as they will, and throws one ConfigError that names
 * what is wrong for any of them: else each would name its own, one start after the other.
 */
export async function readAllConfigs(env: Env, root: string, isTerminal: boolean): Promise<UpConfig> {
  const problems = new Set<string>();
  const problemsOf = (read: () => unknown): void => {
    try {
      read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const problem of error.problems) problems.add(problem);
    }
  };
  problemsOf(() => readUpConfig(env, root, isTerminal));
  for (const [program, reader] of Object.entries(READERS)) {
    const url = pathToFileURL(join(root, 'dist', program, 'config.js')).href;
    const module = (await import(url)) as ConfigModule;
    problemsOf(() => module[reader]?.(env, isTerminal));
  }
  if (problems.size > 0) throw new ConfigError([...problems]);
  return readUpConfig(env, root, isTerminal);
}
