import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { RedisAddress, RedisPlace } from '../../shared/redis/address.js';
import { openRedis, type Redis } from '../../shared/redis/redis.js';

/** A real Redis of a test's own, on a unix socket unless told otherwise. */
export interface TestRedis {
  address: RedisAddress;
  /** The same, for whoever opens a socket. */
  place: RedisPlace;
  url: string;
  pid: number;
  /** Connects a client that {@link stop} closes. */
  connect(): Promise<Redis>;
  /** The one client that all rigs on this Redis share; {@link stop} closes it. */
  client(): Promise<Redis>;
  /** Ends the server without warning; its append-only file, if any, stays. */
  kill(): Promise<void>;
  /** Starts it again on the same socket and files. */
  restart(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

/** How a Redis is started. */
export interface TestRedisOptions {
  /** Every write is on disk before it is answered. */
  appendOnly?: boolean;
  /** An address of this machine: TCP, on a free port of it. */
  host?: string;
  /** The server program. @default the one that {@link findRedisServer} finds */
  program?: string;
  /** Further options of redis-server. */
  options?: readonly string[];
}

/** Starts redis-server. */
export async function startRedis({
  appendOnly = false,
  host,
  program = findRedisServer(),
  options = [],
}: TestRedisOptions = {}): Promise<TestRedis> {
  const dir = mkdtempSync(join(tmpdir(), 'waggle-test-'));
  const path = join(dir, 'redis.sock');
  const port = host === undefined ? 0 : await freePort(host);
  const args = ['--port', String(port), '--dir', dir, '--save', '', '--loglevel', 'warning'];
  args.push(...(host === undefined ? ['--unixsocket', path] : ['--bind', host]));
  args.push(
    '--maxmemory-policy',
    'noeviction',
    '--appendonly',
    appendOnly ? 'yes' : 'no',
    '--appendfsync',
    'always',
    '--repl-diskless-sync-delay',
    '0',
    ...options,
  );
  const url = host === undefined ? `unix://${path}` : `redis://${host}:${port}`;
  const place: RedisPlace =
    host === undefined
      ? { kind: 'socket', path, database: 0 }
      : { kind: 'host', host, port, tls: false, database: 0 };
  const clients: Redis[] = [];
  let server = await launch(program, args, place);
  const connect = async (): Promise<Redis> => {
    const client = await openRedis({ address: place, onError: () => undefined });
    clients.push(client);
    return client;
  };
  let shared: Promise<Redis> | undefined;
  return {
    address: place,
    place,
    url,
    get pid() {
      return server.pid ?? 0;
    },
    connect,
    client: () => (shared ??= connect()),
    kill: () => end(server, 'SIGKILL'),
    async restart() {
      server = await launch(program, args, place);
    },
    freeze: () => void server.kill('SIGSTOP'),
    thaw: () => void server.kill('SIGCONT'),
    async stop() {
      await Promise.all(clients.splice(0).map((client) => client.close()));
      await end(server, 'SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * For every API under test, unless its test is about how long Redis may take: a machine that is busy with other things is no
 * outage.
 */
export const PATIENCE = { REDIS_TIMEOUT_MS: '30000' } as const;

/** A key prefix that no other test has. */
export const testPrefix = (): string => `t-${randomUUID().slice(0, 8)}:`;

async function launch(program: string, args: readonly string[], address: RedisPlace): Promise<ChildProcess> {
  const server = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const failed = new Promise<never>((_, reject) => {
    server.once('error', reject);
    server.once('exit', (code, signal) => reject(new Error(`redis-server ended: ${code ?? signal}`)));
  });
  failed.catch(() => undefined);
  const probe = await Promise.race([
    openRedis({ address, onError: () => undefined, signal: AbortSignal.timeout(10_000) }),
    failed,
  ]);
  // A server that reads its append-only file accepts connections and answers LOADING.
  for (let tries = 0; tries < 500; tries += 1) {
    const loaded = await probe.command(['PING']).then(
      () => true,
      () => false,
    );
    if (loaded) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await probe.close();
  return server;
}

/** Ends a server; resolves when it has. */
export async function end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const gone = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGCONT');
  server.kill(signal);
  await gone;
}

/** redis-server or valkey-server on PATH, or the one that the set-up unpacked under .cache. */
export function findRedisServer(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  for (const name of ['redis-server', 'valkey-server']) {
    const found = folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
    if (found) return found;
  }
  throw new Error('no redis-server on PATH: run the tests with npm test, which installs one');
}
