import { openPartitions, type Partition } from '../shared/records/open-partitions.js';
import type { RecordScripts } from '../shared/records/records.js';
import type { Logger } from '../shared/log/logger.js';
import { refusalsOf } from '../shared/model/catalog.js';
import type { ReleaseStack } from '../shared/process/release-stack.js';
import { openTracer } from '../shared/tracing/open-tracer.js';
import type { Tracer } from '../shared/tracing/tracer.js';
import type { WorkerModel } from '../shared/workers/registry.js';
import type { WorkerConfig } from './config.js';
import { openWorkerPartition } from './intake/worker-partition.js';
import type { WorkerServices } from './jobs/lane.js';
import { WorkerMetrics } from './jobs/metrics.js';
import { ModelService } from './jobs/model-service.js';
import { startHeartbeat } from './models/heartbeat.js';
import type { LoadedModel } from './models/loaded-model.js';
import { LoadedModels } from './models/loaded-models.js';

/** Configuration of a worker, and the process around it. */
export interface WorkerOptions {
  config: WorkerConfig;
  log: Logger;
  release: ReleaseStack;
  /** Ends the wait for Redis. */
  stopping?: AbortSignal | undefined;
  /** Is called when a model's process is beyond repair: the worker should end and be started afresh. */
  onBroken: (reason: string) => void;
  /** Program of the inference processes; undefined for the worker's own. */
  inferenceEntry?: string | URL | undefined;
}

/** A worker that takes jobs. */
export interface Worker {
  models(): WorkerModel[];
  metrics: WorkerMetrics;
  /** Reads every package again, and serves those that are new; see {@link LoadedModels.reload}. */
  reload(): Promise<void>;
  /** For the last line of the log: jobs that went back to the queue, and jobs whose end was not written. */
  left(): { given_back: number; not_written: number };
}

/** Starts the models' processes, connects to Redis and takes jobs. Registers the closers on the release stack. */
export async function openWorker(options: WorkerOptions): Promise<Worker> {
  const { config, log, release, stopping } = options;
  // First, so that it is closed last.
  const tracer = await openTracer('waggle-worker', { tracing: config.tracing, log });
  release.later('traces', () => tracer.close());
  const loaded = new LoadedModels(options);
  release.later('models', () => loaded.end());
  const started = await loaded.start();
  const served: ModelService[] = [];
  const models = (): WorkerModel[] => served.map((service) => service.info);
  const metrics = new WorkerMetrics(models);
  const { records, services } = await connect(options, tracer, metrics);
  const serve = (model: LoadedModel): void => {
    // A model may still have been loading when the worker was told to stop.
    if (stopping?.aborted) return;
    const service = new ModelService(model, services);
    served.push(service);
    const { name, version, engine, device, passedOver } = service.info;
    log.info('model served', { model: name, version, engine, device, passed_over: passedOver });
  };
  for (const model of started) serve(model);
  release.later('jobs in hand', () => Promise.all(served.map((service) => service.drain(config.graceMs))));
  let reloads = 0;
  const state = () => ({
    models: models(),
    refused: refusalsOf(loaded.refused, config.modelsDir),
    loading: reloads > 0,
  });
  const heartbeat = startHeartbeat(records, state, log);
  release.later('heartbeat', () => heartbeat.close());
  await heartbeat.beat();
  return {
    models,
    metrics,
    async reload() {
      reloads += 1;
      const reloading = loaded.reload();
      await heartbeat.beat();
      for (const model of await reloading) serve(model);
      reloads -= 1;
      await heartbeat.beat();
    },
    left: () => ({
      given_back: served.reduce((sum, { left }) => sum + left.givenBack, 0),
      not_written: served.reduce((sum, { left }) => sum + left.notWritten, 0),
    }),
  };
}

async function connect(
  { config, log, release, stopping }: WorkerOptions,
  tracer: Tracer,
  metrics: WorkerMetrics,
): Promise<{ records: RecordScripts; services: WorkerServices }> {
  const opened = await openPartitions(config.partitions, {
    redis: {
      address: config.redis,
      onError(message) {
        metrics.redisFailed();
        log.warn('Redis connection', { error: message });
      },
      signal: stopping,
    },
    keyPrefix: config.keyPrefix,
    release,
  });
  const partitions = await Promise.all(
    opened.map((partition) => openWorkerPartition(partition, config, { release, log })),
  );
  const { redis, maxBatch, leaseMs } = config;
  return {
    // Workers register in the first partition.
    records: (opened[0] as Partition).records,
    services: { redis, partitions, metrics, tracer, maxBatch, leaseMs, log },
  };
}
