import { chunkQueueOf } from '../../shared/batches/chunk-queue.js';
import type { Logger } from '../../shared/log/logger.js';
import type { RedisAddress } from '../../shared/redis/address.js';
import type { Tracer } from '../../shared/tracing/tracer.js';
import type { WorkerPartition } from '../intake/worker-partition.js';
import type { LoadedModel } from '../models/loaded-model.js';
import { Attempts, type LaneServices } from './attempts.js';
import type { WorkerMetrics } from './metrics.js';
import { Settlement } from './settlement.js';

/** Services that the lanes of all models of a worker share. */
export interface WorkerServices {
  redis: RedisAddress;
  partitions: readonly WorkerPartition[];
  metrics: WorkerMetrics;
  tracer: Tracer;
  /** Most jobs in one micro-batch. */
  maxBatch: number;
  leaseMs: number;
  log: Logger;
}

/** {@link LaneServices}, and the attempts at the lane's jobs. */
export interface Lane extends LaneServices {
  attempts: Attempts;
}

/** Builds the lane of a model's single jobs, or of the chunks of its batches. */
export function openLane(model: LoadedModel, kind: 'jobs' | 'chunks', services: WorkerServices): Lane {
  const { tracer, maxBatch, leaseMs, log } = services;
  const queue = kind === 'jobs' ? model.name : chunkQueueOf(model.name);
  const metrics = services.metrics.lane(model.name, kind);
  const settling = { queue, metrics, log };
  const settlement = new Settlement(settling);
  const lane = { ...settling, kind, model, settlement, tracer, maxBatch, leaseMs };
  return { ...lane, attempts: new Attempts(lane) };
}
