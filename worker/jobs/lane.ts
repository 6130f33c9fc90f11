import type { ChunkLeases } from '../../shared/batches/chunk-leases.js';
import { chunkQueueOf } from '../../shared/batches/chunk-queue.js';
import type { JobLeases } from '../../shared/jobs/job-leases.js';
import type { Logger } from '../../shared/log/logger.js';
import { type BeeKeys, beeKeys, type QueueAddress } from '../../shared/queue/bee-queue.js';
import type { Producers } from '../../shared/queue/producers.js';
import type { RedisAddress } from '../../shared/redis/address.js';
import type { Redis } from '../../shared/redis/redis.js';
import type { Tracer } from '../../shared/tracing/tracer.js';
import type { LoadedModel } from '../models/loaded-model.js';
import type { WorkerMetrics } from './metrics.js';
import type { LeaseKeeper } from './lease-keeper.js';
import { Settlement, type SettlementServices } from './settlement.js';

/** Services that the lanes of all models of a worker share. */
export interface WorkerServices {
  redis: Redis;
  /** Where the queues live. */
  queues: { redis: RedisAddress; keyPrefix: string };
  leases: JobLeases;
  chunks: ChunkLeases;
  producers: Producers;
  keeper: LeaseKeeper;
  metrics: WorkerMetrics;
  tracer: Tracer;
  /** Most jobs in one micro-batch. */
  maxBatch: number;
  leaseMs: number;
  log: Logger;
}

/** One queue of one model, and the services with which its jobs are claimed, run and settled. */
export interface Lane extends SettlementServices {
  address: QueueAddress;
  /** Where Bee-Queue keeps the queue's deliveries. */
  lists: BeeKeys;
  model: LoadedModel;
  settlement: Settlement;
  tracer: Tracer;
  maxBatch: number;
  leaseMs: number;
}

/** Builds the lane of a model's single jobs, or of the chunks of its batches. */
export function openLane(model: LoadedModel, kind: 'jobs' | 'chunks', services: WorkerServices): Lane {
  const { leases, producers, keeper, tracer, maxBatch, leaseMs, log } = services;
  const queue = kind === 'jobs' ? model.name : chunkQueueOf(model.name);
  const address = { ...services.queues, name: queue };
  const metrics = services.metrics.lane(model.name, kind);
  const settling = { queue, leases, producers, keeper, metrics, log };
  const settlement = new Settlement(settling);
  return { ...settling, address, lists: beeKeys(address), model, settlement, tracer, maxBatch, leaseMs };
}
