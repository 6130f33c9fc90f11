import { ChunkLeases } from '../shared/batches/chunk-leases.js';
import { ConfigError } from '../shared/errors.js';
import { JobLeases } from '../shared/jobs/job-leases.js';
import { RecordScripts } from '../shared/jobs/record-scripts.js';
import type { Logger } from '../shared/log/logger.js';
import { type ModelPackage, readCatalog } from '../shared/model/catalog.js';
import type { ReleaseStack } from '../shared/process/release-stack.js';
import { Producers } from '../shared/queue/producers.js';
import { openRedis, openRedisSubscriber, type RedisOptions } from '../shared/redis/redis.js';
import type { WorkerModel } from '../shared/workers/registry.js';
import type { WorkerConfig } from './config.js';
import { Heartbeat } from './heartbeat.js';
import { LeaseKeeper } from './lease-keeper.js';
import { ModelService } from './model-service.js';
import { ServedModel } from './served-model.js';

/** What a worker is opened with. */
export interface WorkerOptions {
  config: WorkerConfig;
  log: Logger;
  release: ReleaseStack;
  /** Ends the wait for Redis. */
  stopping?: AbortSignal;
  /** Told when a model's process is beyond repair: the worker should end and be started afresh. */
  onBroken: (reason: string) => void;
  /** Program of the inference processes; undefined for the worker's own. */
  inferenceEntry?: string | URL;
}

/** A worker that serves. */
export interface Worker {
  models(): WorkerModel[];
  /** Reads every package again; see {@link ServedModel.reload}. */
  reload(): Promise<void>;
}

/** Starts the models' processes, connects to Redis and takes jobs. What it opens is on the release stack. */
export async function openWorker(options: WorkerOptions): Promise<Worker> {
  const { config, log, release } = options;
  const served = await startModels(options);
  const shared = await connect(options);
  const { maxBatch, leaseMs } = config;
  const services = served.map((model) => new ModelService({ ...shared, model, maxBatch, leaseMs, log }));
  release.later('jobs in hand', () => Promise.all(services.map((service) => service.drain(config.graceMs))));
  const models = (): WorkerModel[] => services.map((service) => service.info);
  const heartbeat = new Heartbeat(shared.records, models, log);
  release.later('heartbeat', () => heartbeat.close());
  await heartbeat.beat();
  for (const { name, version, engine, device, passedOver } of models()) {
    log.info('model served', { model: name, version, engine, device, passed_over: passedOver });
  }
  return {
    models,
    async reload() {
      await Promise.all(served.map((model) => model.reload()));
      await heartbeat.beat();
    },
  };
}

async function startModels({
  config,
  log,
  release,
  onBroken,
  inferenceEntry,
}: WorkerOptions): Promise<ServedModel[]> {
  const starts = packagesToServe(config).map(async ({ folder, manifest }) => {
    const model = await ServedModel.start(folder, {
      ...(inferenceEntry === undefined ? {} : { entry: inferenceEntry }),
      engine: config.engine,
      gpuMemoryMb: config.gpuMemoryMb,
      log,
      onGivenUp: (reason) => onBroken(`${manifest.name}: ${reason}`),
    });
    release.later(`model ${manifest.name}`, () => model.end());
    return model;
  });
  // All of them, so that none is still starting when another's failure ends this worker.
  await Promise.allSettled(starts);
  return Promise.all(starts);
}

function packagesToServe({ modelsDir, models }: WorkerConfig): ModelPackage[] {
  const catalog = readCatalog(modelsDir);
  if (!models) return [...catalog.values()];
  return models.map((name) => {
    const found = catalog.get(name);
    if (found) return found;
    throw new ConfigError([`MODELS names "${name}"; ${modelsDir} holds ${[...catalog.keys()].join(', ')}`]);
  });
}

async function connect({ config, log, release, stopping }: WorkerOptions) {
  const redisOptions: RedisOptions = {
    address: config.redis,
    onError: (message) => log.warn('Redis connection', { error: message }),
    ...(stopping ? { signal: stopping } : {}),
  };
  const redis = await openRedis(redisOptions);
  release.later('redis', () => redis.close());
  const subscriber = await openRedisSubscriber(redisOptions);
  release.later('redis subscriber', () => subscriber.close());
  const queue = { redis: config.redis, keyPrefix: config.keyPrefix };
  const producers = new Producers(queue);
  release.later('producers', () => producers.close());
  const records = new RecordScripts(redis, config.keyPrefix);
  const leases = new JobLeases(records);
  const keeper = new LeaseKeeper({ leases, leaseMs: config.leaseMs, log });
  release.later('leases', () => keeper.close());
  await subscriber.subscribe(records.key('canceling'), (id) => keeper.cancelRequested(id));
  return { redis, records, leases, chunks: new ChunkLeases(records), producers, keeper, queue };
}
