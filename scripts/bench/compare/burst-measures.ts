import { runClients } from '../load/clients.js';
import { submitOnly } from '../load/job-clients.js';
import type { BenchHost } from '../service.js';
import type { Measure, MeasureGroup } from '../rounds/measure.js';
import { type Backlog, openBacklog } from '../subjects/backlog.js';
import { OnDemand } from '../subjects/on-demand.js';
import { startPeer } from '../subjects/peer.js';
import { startRedisServer } from '../subjects/redis-server.js';

const CLIENTS = 64;
const LOOK_EVERY_MS = 20;

export const SUBMITS = 'Waggle, submits of a burst';
export const DRAIN = 'Waggle, draining a burst';
export const BEE_DRAIN = 'raw Bee-Queue, empty handler';

/** A burst of submits while no worker serves the model, then a worker that works it off. */
export function burstMeasures(host: BenchHost, jobs: number): MeasureGroup {
  const opened = new OnDemand(() => openBacklog(host));
  const measures: Measure[] = [
    {
      name: 'Waggle, burst',
      async run() {
        const burst = await opened.get();
        const { port, submits } = burst.service;
        const load = { port, clients: CLIENTS, until: { count: jobs } };
        const { perSecond } = await runClients(load, submitOnly(submits));
        return [
          { figure: SUBMITS, unit: 'jobs/s', value: perSecond },
          { figure: DRAIN, unit: 'jobs/s', value: await drain(burst, jobs) },
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
  return { measures, stop: () => opened.stop() };
}

/** Starts a worker, and resolves to jobs a second from the first that it has ended to the last. */
async function drain({ succeeded, startWorker }: Backlog, jobs: number): Promise<number> {
  const before = await succeeded();
  const worker = await startWorker();
  try {
    let first: { atMs: number; done: number } | undefined;
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      const [done, atMs] = [(await succeeded()) - before, performance.now()];
      if (done > 0) first ??= { atMs, done };
      if (first && done === jobs) return ((done - first.done) * 1000) / (atMs - first.atMs);
    }
  } finally {
    await worker.stop();
  }
}
