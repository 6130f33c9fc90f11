import { setTimeout as sleep } from 'node:timers/promises';
import { type Consumer, startConsumer } from '../../shared/queue/consumer.js';
import type { WorkerModel } from '../../shared/workers/registry.js';
import type { Claims } from '../intake/claims.js';
import type { LoadedModel } from '../models/loaded-model.js';
import { ChunkRunner } from './chunk-runner.js';
import { type Lane, openLane, type WorkerServices } from './lane.js';
import { MicroBatchRunner } from './micro-batch-runner.js';
import { MicroBatcher, type Runner } from './micro-batcher.js';

/** Part of the time to leave that is kept for giving back jobs that do not finish, in ms. */
const HAND_BACK_MS = 1_000;

/** A lane with the parts that take from its queue. */
interface OpenLane {
  lane: Lane;
  batcher: MicroBatcher;
  /** In each partition. */
  consumers: Consumer[];
  unwatch: (() => void)[];
}

/** One model's queues, from calls to outcomes: single jobs in micro-batches, and chunks of batches. */
export class ModelService {
  readonly #model: LoadedModel;
  readonly #jobs: OpenLane;
  readonly #chunks: OpenLane;

  /** Starts taking jobs. */
  constructor(model: LoadedModel, services: WorkerServices) {
    this.#model = model;
    this.#jobs = serveJobs(model, services);
    this.#chunks = serveChunks(model, services);
  }

  /** The model as the registry tells of it. */
  get info(): WorkerModel {
    const { manifest, inference } = this.#model.current;
    const { engine, device, passedOver } = inference.report;
    const { name, version, format } = manifest;
    const { sums } = this.#jobs.lane.metrics;
    return { name, version, format, engine, device, passedOver: [...passedOver], ...sums };
  }

  /** Counts of the jobs that this service did not bring to an end. */
  get left(): { givenBack: number; notWritten: number } {
    const [jobs, chunks] = [this.#jobs.lane.settlement, this.#chunks.lane.settlement];
    return {
      givenBack: jobs.givenBack + chunks.givenBack,
      notWritten: jobs.notWritten + chunks.notWritten,
    };
  }

  /** Stops taking jobs, finishes or gives back those in hand. Resolves after `graceMs` at the latest. */
  async drain(graceMs: number): Promise<void> {
    await Promise.all([drain(this.#jobs, graceMs), drain(this.#chunks, graceMs)]);
  }
}

function serveJobs(model: LoadedModel, services: WorkerServices): OpenLane {
  const lane = openLane(model, 'jobs', services);
  return take(lane, new MicroBatchRunner(lane), services);
}

function serveChunks(model: LoadedModel, services: WorkerServices): OpenLane {
  const lane = openLane(model, 'chunks', services);
  return take(lane, new ChunkRunner(lane), services);
}

function take(lane: Lane, runner: Runner, { redis, partitions }: WorkerServices): OpenLane {
  const { queue, log } = lane;
  const batcher = new MicroBatcher(lane, runner, partitions);
  const taken = partitions.map(({ prefix, look }, index) => {
    const claims = batcher.claims[index] as Claims;
    const consumer = startConsumer({
      address: { redis, prefix, name: queue },
      handler: () => claims.wake(),
      onWarning: (message, fields) => log.warn(message, fields),
    });
    return { consumer, unwatch: look.watch(claims) };
  });
  return {
    lane,
    batcher,
    consumers: taken.map(({ consumer }) => consumer),
    unwatch: taken.map(({ unwatch }) => unwatch),
  };
}

async function drain({ lane, batcher, consumers, unwatch }: OpenLane, graceMs: number): Promise<void> {
  const late = setTimeout(() => lane.settlement.abandon(), graceMs);
  for (const end of unwatch) end();
  const left = Promise.all([
    batcher.drain(Math.max(graceMs - HAND_BACK_MS, graceMs / 2)),
    ...consumers.map((consumer) => consumer.drain(graceMs)),
  ]);
  await Promise.race([left, sleep(graceMs, undefined, { ref: false })]);
  clearTimeout(late);
}
