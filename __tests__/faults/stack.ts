import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Env } from '../../shared/config/env.js';
import { WaggleClient } from '../../shared/client/client.js';
import { RedisUnavailableError } from '../../shared/errors.js';
import { pause } from '../../shared/process/pause.js';
import { ReleaseStack } from '../../shared/process/release-stack.js';
import { listOf, partitionPrefix } from '../../shared/records/records.js';
import { parseRedisAddress } from '../../shared/redis/address.js';
import { defineScript, openRedis } from '../../shared/redis/redis.js';
import { freePort } from '../../scripts/up/port.js';
import { readyMessage } from '../../scripts/up/ready-message.js';
import { until } from '../support/latch.js';
import { Kept } from './kept.js';

/** Where the harness runs. */
export interface FaultHost {
  /** The repository's folder. */
  root: string;
  /** Environment of this process. */
  env: Env;
}

/** The Redis of a stack, every write of which is on the disk before it is answered. */
export interface StackRedis {
  /** REDIS_URL of the APIs. */
  url: string;
  /** REDIS_URL of the workers. */
  workerUrl: string;
  /** PARTITIONS */
  partitions: number;
  /** Further variables of APIs and workers. */
  env: Readonly<Record<string, string>>;
  /** Resolves when it serves, with every node in its place. */
  serving(): Promise<void>;
  close(): Promise<void>;
}

/** Two APIs and two workers on a Redis. */
export interface Stack<R extends StackRedis = StackRedis> {
  clients: readonly WaggleClient[];
  apis: readonly Kept[];
  workers: readonly Kept[];
  redis: R;
  /** Jobs that were seen alone in a worker: a fault at that moment may be their own. */
  wereAlone: ReadonlySet<string>;
  /** Looks who is, once Redis answers. While the stack runs it does so by itself, often. */
  noteAlone: () => Promise<void>;
  /** Resolves when everything serves. Rejects when the looks at who is alone have failed. */
  serving(): Promise<void>;
  close(): Promise<void>;
}

/** Short leases, so that a lost worker is noticed soon. */
export const LEASE_MS = 2_000;
const PROCESSES = [0, 1];
/** A job whose worker is lost stays in its hands for longer. */
const NOTE_EVERY_MS = 25;
/** Longest for a partition to be away. */
const AWAY_MS = 120_000;
/** Ids of the running jobs whose last claim took no other. */
const ALONE = defineScript(
  'alone',
  `local alone = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1] .. 'running', 0, -1)) do
  local marks = (redis.call('HGET', KEYS[1] .. 'holds', id) or ''):match('%a*$')
  if marks:find('l') then alone[#alone + 1] = id end
end
return alone`,
);
/** Exit code of a run that somebody stopped. */
const STOPPED = 130;

/** Writes a line of progress on standard error. */
export const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Variables and Node arguments of all API and worker processes, beside the necessary ones. */
export interface StackOptions {
  env?: Readonly<Record<string, string>>;
  /** Arguments to Node. */
  execArgv?: readonly string[];
}

/** Starts it on free ports, with a Redis of its own. */
export async function startStack<R extends StackRedis>(
  { root, env: inherited }: FaultHost,
  startRedis: () => Promise<R>,
  { env: more = {}, execArgv = [] }: StackOptions = {},
): Promise<Stack<R>> {
  const release = new ReleaseStack();
  const close = () =>
    release.run({ error: (message, fields) => say(`${message} ${JSON.stringify(fields)}`) });
  const stop = (): void => void close().finally(() => process.exit(STOPPED));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  release.later('signals', () => process.off('SIGINT', stop).off('SIGTERM', stop));
  const redis = await startRedis();
  release.later('Redis', () => redis.close());

  const env = {
    PATH: inherited['PATH'],
    MODELS_DIR: join(root, '__tests__/fixtures/models'),
    LOG_LEVEL: 'error',
    LEASE_MS: String(LEASE_MS),
    CHUNK_ROWS: '64',
    GRACE_MS: '5000',
    // Small ones, so that more than one is under way when something breaks.
    MAX_BATCH: '16',
    PARTITIONS: String(redis.partitions),
    ...redis.env,
    ...more,
  };
  const run = (program: string, own: Record<string, string>) => (): ChildProcess =>
    fork(join(root, program), [], {
      cwd: root,
      env: { ...env, ...own },
      execArgv: [...execArgv],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
  const ports = await Promise.all(PROCESSES.map(() => freePort()));
  const apis = ports.map(
    (port) =>
      new Kept(
        `API on port ${port}`,
        run('dist/api/main.js', {
          PORT: String(port),
          REDIS_URL: redis.url,
          DEFAULT_MODEL: 'faulty',
        }),
        readyMessage,
      ),
  );
  release.later('APIs', () => Promise.all(apis.map((api) => api.close())));
  const own = { MODELS: 'faulty', TF_ENGINE: 'wasm', REDIS_URL: redis.workerUrl };
  const workers = PROCESSES.map(
    (index) => new Kept(`worker ${index}`, run('__tests__/fixtures/faulty-worker.mjs', own), readyMessage),
  );
  release.later('workers', () => Promise.all(workers.map((worker) => worker.close())));
  const address = parseRedisAddress(redis.url);
  const looking = await Promise.all(
    Array.from({ length: redis.partitions }, async (_, index) => {
      const key = partitionPrefix('', { index, count: redis.partitions });
      return { key, client: await openRedis({ address, key, onError: () => undefined }) };
    }),
  );
  release.later('who is alone', () => Promise.all(looking.map(({ client }) => client.close())));
  const wereAlone = new Set<string>();
  const closing = new AbortController();
  const look = async ({ key, client }: (typeof looking)[number]): Promise<void> => {
    const answer = () => (closing.signal.aborted ? [] : client.script(ALONE, [key], []).catch(whileAway));
    const ids = await until(answer, { timeoutMs: AWAY_MS, what: `an answer of Redis for ${key}` });
    for (const id of listOf(ids)) wereAlone.add(String(id));
  };
  // One that is away holds up the looks at no other.
  const noting = Promise.all(
    looking.map(async (one) => {
      for (; !closing.signal.aborted; await pause(NOTE_EVERY_MS)) await look(one);
    }),
  );
  noting.catch(() => undefined);
  release.later('the look who is alone', () => closing.abort());
  const stack: Stack<R> = {
    clients: ports.map((port) => new WaggleClient({ url: `http://127.0.0.1:${port}` })),
    apis,
    workers,
    redis,
    wereAlone,
    async noteAlone() {
      // The commands that workers have sent arrive first.
      await pause(5);
      await Promise.all(looking.map(look));
    },
    async serving() {
      const serve = Promise.all([redis, ...apis, ...workers].map((part) => part.serving()));
      await Promise.race([serve, noting]);
    },
    close,
  };
  try {
    await stack.serving();
  } catch (error) {
    await close();
    throw error;
  }
  return stack;
}

/** Undefined for a Redis that is away; throws every other error. */
function whileAway(error: unknown): undefined {
  if (!(error instanceof RedisUnavailableError)) throw error;
}
