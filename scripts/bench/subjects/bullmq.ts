import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { BenchHost } from '../service.js';
import { cpuUs } from './cpu.js';
import { peakMb } from './processes.js';
import { holding, linearModelFolder, manyTrips, peerFolder, startPeer, tripRequests } from './peer.js';
import { openTogether } from './open-together.js';
import { startRedisServer } from './redis-server.js';
import type { Subject } from './subject.js';

/** Advice where Fastify and BullMQ cannot be measured; undefined where they can. */
export function whyNoBullmq(host: BenchHost): string | undefined {
  const folder = peerFolder(host);
  return existsSync(join(folder, 'node_modules/bullmq/package.json'))
    ? undefined
    : `Fastify + BullMQ is left out, since it is not installed: npm ci --prefix ${relative(host.root, folder)}`;
}

const KINDS = {
  api: /bullmq-api/,
  worker: /bullmq-worker/,
  redis: /redis-server|valkey-server/,
};

/** Fastify and BullMQ: one web process, one worker, a Redis of their own. */
export const startBullmq = (host: BenchHost): Promise<Subject> =>
  openTogether(host.log, async (release) => {
    const redis = await startRedisServer(host);
    release.later('Redis', () => redis.stop());
    const worker = await startPeer(host, 'bullmq-worker.mjs', redis.socket, linearModelFolder(host));
    release.later('worker', () => worker.child.stop());
    const api = await startPeer(host, 'bullmq-api.mjs', redis.socket);
    release.later('API', () => api.child.stop());
    const pids = [redis.pid, worker.child.pid, api.child.pid];
    return {
      name: 'Fastify + BullMQ',
      port: api.reported,
      submits: tripRequests('/jobs'),
      asks: tripRequests('/jobs/wait'),
      many: manyTrips('/jobs/many', (trips) => `[${trips.join(',')}]`),
      hasResult: holding('"status":"completed"', '"status":"failed"'),
      peakMb: () => peakMb(pids, KINDS),
      cpuUs: () => cpuUs(pids, KINDS),
    };
  });
