import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { messageOf } from '../../../shared/errors.js';
import { openEngine } from '../engine.js';
import { runClients } from '../load/clients.js';
import { submitOnly } from '../load/job-clients.js';
import type { BenchHost } from '../service.js';
import { startPeer, tripRequests } from '../subjects/peer.js';
import { startRedisServer } from '../subjects/redis-server.js';
import type { Measure } from '../rounds/measure.js';

const CLIENTS = 64;
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

/** What nothing that is built of these parts can exceed. */
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
    {
      name: ENGINE,
      async run() {
        const engine = await openEngine(host, 'trip-duration');
        try {
          await engine.rowsPerSecond(ENGINE_CALLS / 4);
          return [{ figure: ENGINE, unit: 'rows/s', value: await engine.rowsPerSecond(ENGINE_CALLS) }];
        } finally {
          engine.dispose();
        }
      },
    },
    { name: REDIS, run: () => benchmarkRedis(host) },
  ];
}

async function benchmarkRedis(host: BenchHost) {
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
