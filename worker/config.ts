import { type Env, readEnv } from '../shared/config/env.js';
import { DEFAULT_MAX_RESULT_BYTES } from '../shared/jobs/job-leases.js';
import { LOG_LEVELS, type LogConfig } from '../shared/log/logger.js';
import { type ModelsSource, readModelsSource } from '../shared/model/fetched-models.js';
import { MOST_PARTITIONS } from '../shared/records/partition-tags.js';
import { parseRedisAddress, type RedisAddress } from '../shared/redis/address.js';
import { parseTracing, type TracingConfig } from '../shared/tracing/open-tracer.js';
import type { MetricsAddress } from './jobs/metrics.js';
import { ENGINE_CHOICES, type EngineChoice } from './inference/engine-names.js';

/** The configuration of a worker process, from its environment. */
export interface WorkerConfig {
  redis: RedisAddress;
  /** Put before every key in Redis. */
  keyPrefix: string;
  /** Partitions of the records. */
  partitions: number;
  modelsDir: string;
  /** An archive to be fetched, whose packages stand in for those of `modelsDir`. */
  modelsSource: ModelsSource;
  /** Names of the models to serve; undefined for every package in `modelsDir`. */
  models: readonly string[] | undefined;
  engine: EngineChoice;
  /** Wished-for cap on GPU memory; undefined for none. */
  gpuMemoryMb: number | undefined;
  /** Most jobs in one micro-batch. */
  maxBatch: number;
  /** Length of a lease: a job stays this worker's for that long without a renewal, in ms. */
  leaseMs: number;
  /** Largest result that a record keeps. */
  maxResultBytes: number;
  /** Where Prometheus asks; undefined for nowhere. */
  metrics: MetricsAddress | undefined;
  /** Longest time for the worker to leave, in ms. */
  graceMs: number;
  /** Where spans are sent; undefined for nowhere. */
  tracing: TracingConfig | undefined;
  log: LogConfig;
}

/** Reads the environment once. Throws one ConfigError that names every bad variable. */
export function readWorkerConfig(env: Env, isTerminal: boolean): Readonly<WorkerConfig> {
  return readEnv(
    env,
    (read): WorkerConfig => ({
      redis: read.parsed('REDIS_URL', 'redis://127.0.0.1:6379', parseRedisAddress),
      keyPrefix: read.text('KEY_PREFIX', ''),
      partitions: read.int('PARTITIONS', 1, { min: 1, max: MOST_PARTITIONS }),
      modelsDir: read.text('MODELS_DIR', 'model'),
      modelsSource: readModelsSource(
        read.optional('MODELS_URL'),
        read.optional('MODELS_URL_FILE'),
        read.problems,
      ),
      models: read
        .optional('MODELS')
        ?.split(',')
        .map((name) => name.trim()),
      engine: read.choice('TF_ENGINE', ENGINE_CHOICES, 'auto'),
      gpuMemoryMb: read.optional('GPU_MEMORY_MB') ? read.int('GPU_MEMORY_MB', 0, { min: 1 }) : undefined,
      maxBatch: read.int('MAX_BATCH', 64, { min: 1, max: 1_024 }),
      leaseMs: read.int('LEASE_MS', 15_000, { min: 300 }),
      maxResultBytes: read.int('MAX_RESULT_BYTES', DEFAULT_MAX_RESULT_BYTES, { min: 256 }),
      metrics: read.optional('WORKER_METRICS_PORT')
        ? {
            host: read.text('WORKER_METRICS_HOST', '127.0.0.1'),
            port: read.int('WORKER_METRICS_PORT', 0, { max: 65_535 }),
          }
        : undefined,
      graceMs: read.int('GRACE_MS', 10_000, { max: 3_600_000 }),
      tracing: read.parsed('OTEL_EXPORTER_OTLP_ENDPOINT', '', parseTracing),
      log: {
        level: read.choice('LOG_LEVEL', LOG_LEVELS, 'info'),
        dir: read.optional('LOG_DIR'),
        pretty: isTerminal,
      },
    }),
  );
}
