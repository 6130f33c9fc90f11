import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseRedisAddress } from '../../../shared/redis/address.js';
import { openRedis } from '../../../shared/redis/redis.js';
import { runClients } from '../load/clients.js';
import { submitOnly } from '../load/job-clients.js';
import type { BenchHost } from '../service.js';
import { readyMessage } from '../../up/ready-message.js';
import { LINEAR_MODEL, startPeer } from '../subjects/peer.js';
import { startRedisServer } from '../subjects/redis-server.js';
import { startWaggle } from '../subjects/waggle.js';
import type { Measure } from './measure.js';

const CLIENTS = 64;
const LOOK_EVERY_MS = 20;

export const SUBMITS = 'Waggle, submits of a burst';
export const DRAIN = 'Waggle, draining a burst';
export const BEE_DRAIN = 'raw Bee-Queue, empty handler';

/** A burst of submits while no worker serves the model, then a worker that works it off. */
export function burstMeasures(
  host: BenchHost,
  jobs: number,
): { measures: Measure[]; stop: () => Promise<void> } {
  let opened: Promise<Burst> | undefined;
  const open = (): Promise<Burst> => (opened ??= openBurst(host));
  const measures: Measure[] = [
    {
      name: 'Waggle, burst',
      async run() {
        const burst = await open();
        const { port, submits } = burst.service;
        const load = { port, clients: CLIENTS, until: { count: jobs } };
        const { perSecond } = await runClients(load, submitOnly(submits));
        return [
          { figure: SUBMITS, unit: 'jobs/s', value: perSecond },
          { figure: DRAIN, unit: 'jobs/s', value: await drain(host, burst, jobs) },
        ];
      },
    },
    {
      name: BEE_DRAIN,
      async run() {
        const redis = await startRedisServer(host);
        try {
          const { reported, child } = await startPeer(host, 'bee-drain.mjs', redis.socket, String(jobs));
          await child.stop();
          return [{ figure: BEE_DRAIN, unit: 'jobs/s', value: reported }];
        } finally {
          await redis.stop();
        }
      },
    },
  ];
  return {
    measures,
    async stop() {
      const burst = await opened?.catch(() => undefined);
      await burst?.stop();
    },
  };
}

type Burst = Awaited<ReturnType<typeof openBurst>>;

async function openBurst(host: BenchHost) {
  const redis = await startRedisServer(host);
  const url = `unix://${redis.socket}`;
  // Its worker serves another model, so that jobs of the linear one wait.
  const service = await startWaggle(host, { REDIS_URL: url, MODELS: 'trip-duration' });
  const connection = await openRedis({ address: parseRedisAddress(url), onError: () => undefined });
  return {
    redis,
    service,
    succeeded: async () =>
      Number(await connection.command(['HGET', 'waggle:counts', `${LINEAR_MODEL}:succeeded`])),
    async stop() {
      await service.stop();
      await connection.close();
      await redis.stop();
    },
  };
}

/** Starts a worker, and resolves to jobs a second from the first that it has ended to the last. */
async function drain(host: BenchHost, { redis, succeeded }: Burst, jobs: number): Promise<number> {
  const before = await succeeded();
  const worker = fork(join(host.root, 'dist/worker/main.js'), [], {
    cwd: host.root,
    env: { ...host.env, REDIS_URL: `unix://${redis.socket}`, MODELS: LINEAR_MODEL, LOG_LEVEL: 'info' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(worker, 'exit');
  try {
    await readyMessage(worker);
    let first: { atMs: number; done: number } | undefined;
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      const [done, atMs] = [(await succeeded()) - before, performance.now()];
      if (done > 0) first ??= { atMs, done };
      if (first && done === jobs) return ((done - first.done) * 1000) / (atMs - first.atMs);
    }
  } finally {
    worker.kill('SIGTERM');
    await ended;
  }
}
