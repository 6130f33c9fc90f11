import { type ChildProcess, fork, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Env } from '../../shared/config/env.js';
import { WaggleClient } from '../../shared/client/client.js';
import { pause } from '../../shared/process/pause.js';
import { ReleaseStack } from '../../shared/process/release-stack.js';
import { partitionPrefix } from '../../shared/records/records.js';
import { defineScript, openRedis } from '../../shared/redis/redis.js';
import { freePort } from '../../scripts/up/port.js';
import { readyMessage } from '../../scripts/up/ready-message.js';
import { redisArguments, socketIn } from '../../scripts/up/redis-launch.js';
import { pingRedis } from '../../scripts/up/redis-ping.js';
import { Kept } from './kept.js';
import { type LinkProxy, startLinkProxy } from './link-proxy.js';

/** The programs that the harness runs. */
export interface FaultHost {
  /** The repository's folder. */
  root: string;
  /** Environment of this process. */
  env: Env;
  /** A Redis server, and its variables beside those of this process. */
  redis: { command: string; env: Record<string, string> };
}

/** Two APIs and two workers on a Redis whose every write is on the disk before it is answered. */
export interface Stack {
  clients: readonly WaggleClient[];
  apis: readonly Kept[];
  workers: readonly Kept[];
  redis: Kept;
  redisUrl: string;
  /** Between the workers and Redis. */
  link: LinkProxy;
  /** One command to Redis itself. */
  redisCommand(...words: string[]): Promise<void>;
  /** Jobs that were seen alone in a worker: a fault at that moment may be their own. */
  wereAlone: ReadonlySet<string>;
  /** Looks who is. While the stack runs it does so by itself, often. */
  noteAlone: () => Promise<void>;
  /** Resolves when everything serves. */
  serving(): Promise<void>;
  close(): Promise<void>;
}

/** Short leases, so that a lost worker is noticed soon. */
export const LEASE_MS = 2_000;
/** Password of Redis after a rotation that its clients do not know of; before the rotation Redis asks for none. */
export const OTHER_PASSWORD = 'rotated';
const PROCESSES = [0, 1];
/** A job whose worker is lost stays in its hands for longer. */
const NOTE_EVERY_MS = 25;
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

/** Starts it on free ports, with data of its own. */
export async function startStack(
  { root, env: inherited, redis }: FaultHost,
  { env: more = {}, execArgv = [] }: StackOptions = {},
): Promise<Stack> {
  const release = new ReleaseStack();
  const close = () =>
    release.run({ error: (message, fields) => say(`${message} ${JSON.stringify(fields)}`) });
  const stop = (): void => void close().finally(() => process.exit(STOPPED));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  release.later('signals', () => process.off('SIGINT', stop).off('SIGTERM', stop));
  const dir = mkdtempSync(join(tmpdir(), 'waggle-faults-'));
  release.later('data', () => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(join(dir, 'redis'));
  const socket = socketIn(dir);
  const redisKept = new Kept(
    'Redis',
    () =>
      spawn(redis.command, redisArguments({ folder: dir, dataDir: dir, fsync: 'always' }), {
        env: { ...inherited, ...redis.env },
        stdio: ['ignore', 'ignore', 'inherit'],
      }),
    () => answers(socket),
  );
  release.later('Redis', () => redisKept.close());
  await redisKept.serving();
  const link = await startLinkProxy({ path: socket });
  release.later('link', () => link.close());

  const env = {
    PATH: inherited['PATH'],
    MODELS_DIR: join(root, '__tests__/fixtures/models'),
    LOG_LEVEL: 'error',
    LEASE_MS: String(LEASE_MS),
    CHUNK_ROWS: '64',
    GRACE_MS: '5000',
    // Small ones, so that more than one is under way when something breaks.
    MAX_BATCH: '16',
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
          REDIS_URL: `unix://${socket}`,
          DEFAULT_MODEL: 'faulty',
        }),
        readyMessage,
      ),
  );
  release.later('APIs', () => Promise.all(apis.map((api) => api.close())));
  const throughLink = { MODELS: 'faulty', TF_ENGINE: 'wasm', REDIS_URL: link.url };
  const workers = PROCESSES.map(
    (index) =>
      new Kept(`worker ${index}`, run('__tests__/fixtures/faulty-worker.mjs', throughLink), readyMessage),
  );
  release.later('workers', () => Promise.all(workers.map((worker) => worker.close())));
  const looking = await openRedis({
    address: { kind: 'socket', path: socket, database: 0 },
    onError: () => undefined,
  });
  release.later('who is alone', () => looking.close());
  const wereAlone = new Set<string>();
  const noteAlone = async (): Promise<void> => {
    // The commands that workers have sent pass through the link first.
    await pause(5);
    const ids = await looking.script(ALONE, [partitionPrefix('')], []).catch(() => []);
    for (const id of Array.isArray(ids) ? ids : []) wereAlone.add(String(id));
  };
  const noting = setInterval(() => void noteAlone(), NOTE_EVERY_MS);
  release.later('the look who is alone', () => clearInterval(noting));
  const stack: Stack = {
    clients: ports.map((port) => new WaggleClient({ url: `http://127.0.0.1:${port}` })),
    apis,
    workers,
    redis: redisKept,
    redisUrl: `unix://${socket}`,
    link,
    wereAlone,
    noteAlone,
    redisCommand: (...words) => sendInline(socket, words.join(' ')),
    async serving() {
      await Promise.all([redisKept, ...apis, ...workers].map((kept) => kept.serving()));
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

async function answers(path: string): Promise<void> {
  while ((await pingRedis(path)) !== 'ready') await pause(20);
}

/** Sends a command as a line of text, whatever the password is now, and waits until it is answered. */
async function sendInline(path: string, line: string): Promise<void> {
  const socket = connect(path);
  socket.resume().end(`AUTH default ${OTHER_PASSWORD}\r\n${line}\r\nQUIT\r\n`);
  await once(socket, 'close');
}
