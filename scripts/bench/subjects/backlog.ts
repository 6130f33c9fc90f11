import { parseRedisAddress } from '../../../shared/redis/address.js';
import { openRedis } from '../../../shared/redis/redis.js';
import type { BenchHost } from '../service.js';
import { LINEAR_MODEL } from './peer.js';
import { startWaggleAndWorkers } from './waggle-and-workers.js';

/** This service with nobody who works jobs of the linear model off, until a worker is started, and a look into its Redis. */
export type Backlog = Awaited<ReturnType<typeof openBacklog>>;

/** Starts the service on a Redis of its own, whose own worker serves another model. */
export async function openBacklog(host: BenchHost) {
  const service = await startWaggleAndWorkers(host);
  const address = parseRedisAddress(service.redisUrl);
  const redis = await openRedis({ address, onError: () => undefined });
  return {
    redis,
    service,
    /** Jobs that ever succeeded. */
    succeeded: async () =>
      Number(await redis.command(['HGET', 'waggle:counts', `${LINEAR_MODEL}:succeeded`])),
    startWorker: () => service.startWorker(),
    async stop() {
      await redis.close();
      await service.stop();
    },
  };
}
