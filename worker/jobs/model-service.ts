import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from '../../shared/redis/redis.js';
import type { WorkerModel } from '../../shared/workers/registry.js';
import { Intake } from '../intake/intake.js';
import { TakenDeliveries } from '../intake/taken-deliveries.js';
import type { LoadedModel } from '../models/loaded-model.js';
import { ChunkRunner } from './chunk-runner.js';
import { type Lane, openLane, type WorkerServices } from './lane.js';
import { MicroBatchRunner } from './micro-batch-runner.js';
import { MicroBatcher } from './micro-batcher.js';

/** Part of the time to leave that is kept for giving back jobs that do not finish, in ms. */
const HAND_BACK_MS = 1_000;

/** Deliveries that one script looks at: keeps Redis from being held for more than about a millisecond. */
const HAND_BACK_WINDOW = 128;

/** Deliveries that Bee-Queue hands out at a time: one is in hand while it waits for the next. */
const CONCURRENCY = 2;

/** A lane with the parts that take from its queue. */
interface OpenLane {
  lane: Lane;
  intake: Intake;
  runner: MicroBatcher | ChunkRunner;
  /** Deliveries that were taken without Bee-Queue handing them out. */
  taken?: TakenDeliveries;
}

/** One model's queues, from deliveries to outcomes: single jobs in micro-batches, and chunks of batches. */
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
  const { redis, leases, log } = services;
  const lane = openLane(model, 'jobs', services);
  const taken = new TakenDeliveries({ lists: lane.lists, redis, leases, log });
  const runner = new MicroBatcher(lane, new MicroBatchRunner(lane), taken);
  return { lane, intake: openIntake(lane, runner, redis), runner, taken };
}

function serveChunks(model: LoadedModel, services: WorkerServices): OpenLane {
  const lane = openLane(model, 'chunks', services);
  const runner = new ChunkRunner(lane, services.chunks);
  return { lane, intake: openIntake(lane, runner, services.redis), runner };
}

const openIntake = ({ address, log }: Lane, runner: OpenLane['runner'], redis: Redis): Intake =>
  new Intake({
    address,
    redis,
    concurrency: CONCURRENCY,
    handler: (delivery) => runner.handle(delivery),
    log,
  });

async function drain({ lane, intake, runner, taken }: OpenLane, graceMs: number): Promise<void> {
  const { settlement } = lane;
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
