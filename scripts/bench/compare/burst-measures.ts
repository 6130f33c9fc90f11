import { runClients } from '../load/clients.js';
import { submitOnly } from '../load/job-clients.js';
import type { BenchHost } from '../service.js';
import type { Measure, MeasureGroup } from '../rounds/measure.js';
import { OnDemand } from '../subjects/on-demand.js';
import { startPeer } from '../subjects/peer.js';
import { startRedisServer } from '../subjects/redis-server.js';
import { startWaggleAndWorkers, type WaggleAndWorkers } from '../subjects/waggle-and-workers.js';

const CLIENTS = 64;

export const SUBMITS = 'Waggle, submits of a burst';
export const DRAIN = 'Waggle, draining a burst';
export const BEE_DRAIN = 'raw Bee-Queue, empty handler';

/** A burst of submits while no worker serves the model, then a worker that works it off. */
export function burstMeasures(host: BenchHost, jobs: number): MeasureGroup {
  const opened = new OnDemand(() => startWaggleAndWorkers(host));
  const measures: Measure[] = [
    {
      name: 'Waggle, burst',
      async run() {
        const service = await opened.get();
        const { port, submits } = service;
        const load = { port, clients: CLIENTS, until: { count: jobs } };
        const { perSecond } = await runClients(load, submitOnly(submits));
        return [
          { figure: SUBMITS, unit: 'jobs/s', value: perSecond },
          { figure: DRAIN, unit: 'jobs/s', value: await drain(service, jobs) },
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
async function drain(service: WaggleAndWorkers, jobs: number): Promise<number> {
  const before = await service.succeeded();
  const worker = await service.startWorker();
  try {
    const first = await service.whenSucceeded(before + 1);
    const last = await service.whenSucceeded(before + jobs);
    return ((last.done - first.done) * 1000) / (last.atMs - first.atMs);
  } finally {
    await worker.stop();
  }
}
