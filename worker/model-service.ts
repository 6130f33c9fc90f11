import { setTimeout as sleep } from 'node:timers/promises';
import type { ChunkLeases } from '../shared/batches/chunk-leases.js';
import { chunkQueueOf } from '../shared/batches/chunk-queue.js';
import type { JobLeases } from '../shared/jobs/job-leases.js';
import type { Logger } from '../shared/log/logger.js';
import { beeKeys, type Delivery } from '../shared/queue/bee-queue.js';
import type { Producers } from '../shared/queue/producers.js';
import type { RedisAddress } from '../shared/redis/address.js';
import type { Redis } from '../shared/redis/redis.js';
import type { Tracer } from '../shared/tracing/tracer.js';
import type { WorkerModel } from '../shared/workers/registry.js';
import { Intake } from './intake/intake.js';
import { TakenDeliveries } from './intake/taken-deliveries.js';
import { ChunkRunner } from './jobs/chunk-runner.js';
import type { LeaseKeeper } from './jobs/lease-keeper.js';
import { MicroBatchRunner } from './jobs/micro-batch-runner.js';
import { MicroBatchStats } from './jobs/micro-batch-stats.js';
import { MicroBatcher } from './jobs/micro-batcher.js';
import { Settlement } from './jobs/settlement.js';
import type { WorkerMetrics } from './metrics.js';
import type { LoadedModel } from './models/loaded-model.js';

/** What serving a model works with. */
export interface ModelServiceOptions {
  model: LoadedModel;
  redis: Redis;
  queue: { redis: RedisAddress; keyPrefix: string };
  leases: JobLeases;
  chunks: ChunkLeases;
  producers: Producers;
  keeper: LeaseKeeper;
  metrics: WorkerMetrics;
  tracer: Tracer;
  maxBatch: number;
  leaseMs: number;
  log: Logger;
}

/** Of the time to leave, what is kept for giving back jobs that do not finish, in ms. */
const HAND_BACK_MS = 1_000;

/** Deliveries that one script looks at: keeps Redis from being held for more than about a millisecond. */
const HAND_BACK_WINDOW = 128;

/** Deliveries that Bee-Queue hands out at a time: one is in hand while it waits for the next. */
const CONCURRENCY = 2;

/** A queue with all that takes from it and writes back. */
interface Lane {
  intake: Intake;
  settlement: Settlement;
  runner: { drain(finishMs: number): Promise<void> };
  /** Deliveries that were taken without Bee-Queue handing them out. */
  taken?: TakenDeliveries;
}

/** One model's queues, from deliveries to outcomes: single jobs in micro-batches, and chunks of batches. */
export class ModelService {
  readonly #model: LoadedModel;
  readonly #stats = new MicroBatchStats();
  readonly #lanes: readonly Lane[];

  /** Starts taking jobs. */
  constructor(options: ModelServiceOptions) {
    this.#model = options.model;
    this.#lanes = [this.#serveJobs(options), this.#serveChunks(options)];
  }

  /** What the registry says of this model. */
  get info(): WorkerModel {
    const { manifest, inference } = this.#model.current;
    const { engine, device, passedOver } = inference.report;
    const { jobs, batches, lastBatchSize, meanBatchSize } = this.#stats;
    return {
      name: manifest.name,
      version: manifest.version,
      format: manifest.format,
      engine,
      device,
      passedOver: [...passedOver],
      jobs,
      batches,
      lastBatchSize,
      meanBatchSize,
    };
  }

  /** What became of jobs that it did not bring to an end. */
  get left(): { givenBack: number; notWritten: number } {
    const of = (count: 'givenBack' | 'notWritten'): number =>
      this.#lanes.reduce((sum, { settlement }) => sum + settlement[count], 0);
    return { givenBack: of('givenBack'), notWritten: of('notWritten') };
  }

  /** Stops taking jobs, finishes or gives back those in hand. Resolves after `graceMs` at the latest. */
  async drain(graceMs: number): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => drainLane(lane, graceMs)));
  }

  #serveJobs(options: ModelServiceOptions): Lane {
    const queue = options.model.name;
    const metrics = options.metrics.lane(queue, 'jobs');
    const address = { ...options.queue, name: queue };
    const lists = beeKeys(address);
    const taken = new TakenDeliveries({ ...options, lists });
    const settlement = new Settlement({ ...options, queue, metrics });
    const parts = { ...options, queue, lists, taken, settlement, metrics, stats: this.#stats };
    const runner = new MicroBatcher({ ...parts, runner: new MicroBatchRunner(parts) });
    const handler = (delivery: Delivery): Promise<void> => runner.handle(delivery);
    const intake = new Intake({ ...options, address, concurrency: CONCURRENCY, handler });
    return { intake, settlement, runner, taken };
  }

  #serveChunks(options: ModelServiceOptions): Lane {
    const queue = chunkQueueOf(options.model.name);
    const metrics = options.metrics.lane(options.model.name, 'chunks');
    const settlement = new Settlement({ ...options, queue, metrics });
    const runner = new ChunkRunner({ ...options, queue, settlement, metrics });
    const handler = (delivery: Delivery): Promise<void> => runner.handle(delivery);
    const address = { ...options.queue, name: queue };
    const intake = new Intake({ ...options, address, concurrency: CONCURRENCY, handler });
    return { intake, settlement, runner };
  }
}

async function drainLane({ intake, settlement, runner, taken }: Lane, graceMs: number): Promise<void> {
  const late = setTimeout(() => settlement.abandon(), graceMs);
  const leave = async (): Promise<void> => {
    // The intake first, so that nothing is fetched again that the runner gives back.
    const leftBehind = intake.drain(graceMs);
    await runner.drain(Math.max(graceMs - HAND_BACK_MS, graceMs / 2));
    const unclaimed = (await leftBehind).map((delivery) => ({
      request: { ...delivery, claimId: '' },
      done: () => undefined,
    }));
    while (unclaimed.length > 0) await settlement.handBack(unclaimed.splice(0, HAND_BACK_WINDOW));
    await taken?.close();
  };
  await Promise.race([leave(), sleep(graceMs, undefined, { ref: false })]);
  clearTimeout(late);
}
