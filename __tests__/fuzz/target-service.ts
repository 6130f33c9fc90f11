import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Redis } from '../../shared/redis/redis.js';
import { until } from '../support/latch.js';
import { launch } from '../support/launched.js';
import { startRedis, testPrefix } from '../support/redis.js';
import type { FuzzDocument } from './document.js';

/** The service that is fuzzed: everything that `npm start` starts, on a Redis of its own. */
export interface TargetService {
  url: string;
  port: number;
  document: FuzzDocument;
  redis: Redis;
  keyPrefix: string;
  /** What the processes have logged so far. */
  logged(): string;
  /** Memory of the API process after a garbage collection. */
  memory(): Promise<Memory>;
  /** Ends it as a person would; resolves to the exit code. */
  stop(): Promise<number | null>;
}

/** In bytes. */
export interface Memory {
  heapUsed: number;
  rss: number;
}

/** Starts everything. One model on one engine, and chunks so small that ordinary batches have several. */
export async function startTarget(): Promise<TargetService> {
  const server = await startRedis();
  const dir = mkdtempSync(join(tmpdir(), 'waggle-fuzz-'));
  const heapFile = join(dir, 'heap.json');
  const keyPrefix = testPrefix();
  const launched = await launch({
    REDIS_URL: server.url,
    KEY_PREFIX: keyPrefix,
    CHUNK_ROWS: '16',
    NODE_OPTIONS: `--require ${resolve(__dirname, 'heap-probe.cjs')}`,
    FUZZ_HEAP_FILE: heapFile,
  });
  if (launched.url === '') throw new Error(`the service did not start: ${launched.printed.stderr}`);
  const [api] = launched.processes('api');
  const redis = await server.connect();
  return {
    url: launched.url,
    port: Number(new URL(launched.url).port),
    document: (await (await fetch(`${launched.url}/openapi.json`)).json()) as FuzzDocument,
    redis,
    keyPrefix,
    logged: () => launched.printed.stdout + launched.printed.stderr,
    memory() {
      rmSync(heapFile, { force: true });
      if (api) process.kill(api.pid, 'SIGUSR2');
      return until(() => readMemory(heapFile), { timeoutMs: 30_000, what: 'the memory of the API' });
    },
    async stop() {
      launched.launcher.kill('SIGTERM');
      const { code } = await launched.ended;
      await launched.cleanUp();
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
      return code;
    },
  };
}

function readMemory(file: string): Memory | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Memory;
  } catch {
    return undefined;
  }
}
