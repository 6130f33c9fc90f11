import { resolve } from 'node:path';
import { type LinkProxy, startLinkProxy } from '../faults/link-proxy.js';
import { partitionPrefix } from '../../shared/records/records.js';
import { openRedisSubscriber } from '../../shared/redis/redis.js';
import type { Server } from './balanced-client.js';
import { type Gate, gateOf } from './gate.js';
import { type Program, startProgram } from './program.js';
import { startRedis, type TestRedis, testPrefix } from './redis.js';

/** A worker of the `faulty` model, and what is between it and Redis. */
export interface FleetWorker {
  program: Program;
  link: LinkProxy;
  /** Where its `hold` rows wait. */
  gate: Gate;
}

/**
 * Two APIs and three workers on one Redis, over TCP, as if each had a machine of its own: Redis, each API and each worker's
 * way to Redis have an address each. Linux has all of 127.0.0.0/8; elsewhere ports have to do.
 */
export interface Fleet {
  redis: TestRedis;
  keyPrefix: string;
  /** Where the APIs listen. */
  servers: readonly Server[];
  workers: readonly FleetWorker[];
  /** How often each job and batch was said to have ended. */
  endings: ReadonlyMap<string, number>;
  /** What all APIs have logged, those that were replaced included. */
  apiLog(): Record<string, unknown>[];
  /** Ends an API, then starts another in its place. Resolves to the exit code of the first once the second serves. */
  replaceApi(index: number): Promise<number | NodeJS.Signals>;
  /** The same with a worker. */
  replaceWorker(worker: FleetWorker): Promise<number | NodeJS.Signals>;
  close(): Promise<void>;
}

const HOSTS = [2, 3, 4, 5, 6, 7].map((last) => `127.0.0.${process.platform === 'linux' ? last : 1}`);
const [REDIS_HOST = '', ...OTHERS] = HOSTS;
const API_HOSTS = OTHERS.slice(0, 2);
const LINK_HOSTS = OTHERS.slice(2);

/** Starts it. Workers take little at a time, so that one that is held up does not hold up everybody. */
export async function startFleet(env: Record<string, string> = {}): Promise<Fleet> {
  const redis = await startRedis({ host: REDIS_HOST });
  const keyPrefix = testPrefix();
  const endings = new Map<string, number>();
  const ended = await openRedisSubscriber({ address: redis.address, onError: () => undefined });
  await ended.subscribe(`${partitionPrefix(keyPrefix)}ended`, (ids) => {
    for (const id of ids.split(',')) endings.set(id, (endings.get(id) ?? 0) + 1);
  });
  const common = {
    KEY_PREFIX: keyPrefix,
    MODELS_DIR: resolve(__dirname, '../fixtures/models'),
    LOG_LEVEL: 'debug',
    GRACE_MS: '4000',
    ...env,
  };
  const allApis: Program[] = [];
  const allWorkers: FleetWorker[] = [];
  const startApi = (host: string, port = 0): Program => {
    const own = { HOST: host, PORT: String(port), REDIS_URL: redis.url, DEFAULT_MODEL: 'faulty' };
    const api = startProgram('api', { ...common, ...own });
    allApis.push(api);
    return api;
  };
  const startWorker = (link: LinkProxy): FleetWorker => {
    const own = { MODELS: 'faulty', MAX_BATCH: '2', LEASE_MS: '1500', REDIS_URL: link.url };
    const program = startProgram(
      'worker',
      { ...common, ...own },
      { file: '__tests__/fixtures/faulty-worker.mjs' },
    );
    const worker = { program, link, gate: gateOf(program.pid) };
    worker.gate.remove();
    allWorkers.push(worker);
    return worker;
  };

  const links: LinkProxy[] = [];
  for (const host of LINK_HOSTS) links.push(await startLinkProxy(redis.place, host));
  const apis = API_HOSTS.map((host) => startApi(host));
  const workers = links.map(startWorker);
  const close = async (): Promise<void> => {
    const programs = [...allApis, ...allWorkers.map(({ program }) => program)];
    for (const program of programs) program.signal('SIGKILL');
    await Promise.all(programs.map((program) => program.ended));
    await Promise.all(links.map((link) => link.close()));
    await ended.close();
    await redis.stop();
    for (const { gate } of allWorkers) gate.remove();
  };
  try {
    const ports = await Promise.all(apis.map((api) => api.ready()));
    await Promise.all(workers.map(({ program }) => program.ready()));
    const servers = ports.map((port, i): Server => ({ host: API_HOSTS[i] ?? '', port }));
    return {
      redis,
      keyPrefix,
      servers,
      workers,
      endings,
      apiLog: () => allApis.flatMap(({ log }) => log),
      async replaceApi(index) {
        const code = await apis[index]?.stop();
        const { host = '', port } = servers[index] ?? {};
        await (apis[index] = startApi(host, port)).ready();
        return code ?? 1;
      },
      async replaceWorker(worker) {
        const code = await worker.program.stop();
        await startWorker(worker.link).program.ready();
        return code;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
