import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../../../shared/errors.js';
import { loadModelRuntime } from '../../../worker/inference/child/model-runtime.js';
import { runClients } from '../load/clients.js';
import { submitOnly } from '../load/job-clients.js';
import type { BenchHost } from '../service.js';
import { startPeer, tripRequests } from '../subjects/peer.js';
import { startRedisServer } from '../subjects/redis-server.js';
import type { Measure, Reading } from '../rounds/measure.js';

const CLIENTS = 64;
const ENGINE_MODEL = 'trip-duration';
const ENGINE_ROWS = 1_024;
const ENGINE_CALLS = 200;
const REDIS_COMMANDS = 100_000;

const EXPRESS = 'bare Express, express.json, 202';
export const READER_EXPRESS = 'bare Express, our body reader, 202';
const LEAN_EXPRESS = 'our Express set-up, our body reader, 202';
const NOTHING = 'node:http that does nothing (the most this load can show)';
export const ENGINE = 'bare engine, 1024 rows a call';
const REDIS = 'redis-benchmark, SET, 64 connections';

const SERVERS = {
  [EXPRESS]: 'express-202.mjs',
  [READER_EXPRESS]: 'reader-202.mjs',
  [LEAN_EXPRESS]: 'lean-202.mjs',
  [NOTHING]: 'nothing.mjs',
};

/** The limits: a service that is built of these parts cannot exceed them. */
export function limitMeasures(host: BenchHost, ms: number): Measure[] {
  const submits = tripRequests('/jobs');
  const servers = Object.entries(SERVERS).map(
    ([name, program]): Measure => ({
      name,
      async run() {
        const { child, reported } = await startPeer(host, program);
        try {
          const load = { port: reported, clients: CLIENTS };
          await runClients({ ...load, until: { ms: ms / 3 } }, submitOnly(submits));
          const { perSecond } = await runClients({ ...load, until: { ms } }, submitOnly(submits));
          return [{ figure: name, unit: 'requests/s', value: perSecond }];
        } finally {
          await child.stop();
        }
      },
    }),
  );
  return [
    ...servers,
    { name: ENGINE, run: () => measureEngine(host) },
    { name: REDIS, run: () => benchmarkRedis(host) },
  ];
}

/** Runs micro-batches of the example on the wasm engine in this process. */
async function measureEngine({ root }: BenchHost): Promise<Reading[]> {
  const folder = join(root, 'model', ENGINE_MODEL);
  const runtime = await loadModelRuntime(folder, 'wasm');
  const { layout, manifest } = runtime;
  const columns = layout.allocate(ENGINE_ROWS);
  for (let row = 0; row < ENGINE_ROWS; row += 1) layout.write(columns, row, manifest.example);
  const call = async (times: number): Promise<void> => {
    for (let done = 0; done < times; done += 1) await runtime.predict(columns);
  };
  try {
    await call(ENGINE_CALLS / 4);
    const startMs = performance.now();
    await call(ENGINE_CALLS);
    const seconds = (performance.now() - startMs) / 1000;
    return [{ figure: ENGINE, unit: 'rows/s', value: (ENGINE_ROWS * ENGINE_CALLS) / seconds }];
  } finally {
    runtime.dispose();
  }
}

async function benchmarkRedis(host: BenchHost): Promise<Reading[]> {
  const redis = await startRedisServer(host);
  try {
    const args = [
      '-s',
      redis.socket,
      '-t',
      'set',
      '-c',
      String(CLIENTS),
      '-n',
      String(REDIS_COMMANDS),
      '--csv',
    ];
    const { stdout } = await promisify(execFile)('redis-benchmark', args);
    const value = Number(/"SET","([\d.]+)"/.exec(stdout)?.[1]);
    return [{ figure: REDIS, unit: 'commands/s', value }];
  } catch (error) {
    host.log.warn('redis-benchmark did not run', { error: messageOf(error) });
    return [];
  } finally {
    await redis.stop();
  }
}
