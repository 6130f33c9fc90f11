import { messageOf } from '../shared/errors.js';
import { systemProblem } from '../shared/system-error.js';
import { readFileSync } from 'node:fs';
import { type ApiKey, parseApiKeys, parseKeysFile } from './admission/api-keys.js';
import { type CorsOrigins, parseCorsOrigins } from './admission/cors.js';
import { parseRateLimit, type RateLimit } from './admission/rate-limits.js';
import { LARGEST_BOUNDS, type SubmissionBounds } from './models/submission-schemas.js';
import { type Env, type EnvReader, readEnv } from '../shared/config/env.js';
import { KEEP_INPUTS, type KeepInput } from '../shared/jobs/job.js';
import { DEFAULT_QUEUE_TTL_MS } from '../shared/jobs/job-leases.js';
import { LOG_LEVELS, type LogConfig } from '../shared/log/logger.js';
import { type ModelsSource, readModelsSource } from '../shared/model/fetched-models.js';
import { MOST_PARTITIONS } from '../shared/records/partition-tags.js';
import type { ReplicaAcks } from '../shared/redis/replica-acks.js';
import { parseRedisAddress, type RedisAddress } from '../shared/redis/address.js';
import { parseTracing, type TracingConfig } from '../shared/tracing/open-tracer.js';

/** The address on which the API listens. */
export interface ListenConfig {
  host: string;
  /** Answer only to names of this machine itself: pages that a browser loads from elsewhere have others. */
  isLoopbackOnly: boolean;
  /** 0: any free port. */
  port: number;
}

/** Everything that one API process takes from its environment. */
export interface ApiConfig {
  listen: ListenConfig;
  /** The callers that are let in. */
  admission: {
    /** Undefined: everybody who reaches the port. */
    keys: readonly ApiKey[] | undefined;
    /** The file that they are read from, again with each SIGHUP; undefined where they stand in API_KEYS. */
    keysFile: string | undefined;
    /** Of one caller; undefined for none. */
    rateLimit: RateLimit | undefined;
    /** Origins whose pages may call; undefined for none. */
    corsOrigins: CorsOrigins | undefined;
    /** Proxies in front, each of which adds the address of its client to X-Forwarded-For. */
    trustedProxies: number;
  };
  /** Largest body of a request that submits one job. */
  bodyLimitBytes: number;
  redis: {
    address: RedisAddress;
    /** Put before every key. */
    keyPrefix: string;
    /** Partitions of the records. */
    partitions: number;
    /** Longest that all Redis calls of one request may take together. */
    timeoutMs: number;
    /** Replicas that have to have what clients are promised; undefined: none. */
    acks: Omit<ReplicaAcks, 'key'> | undefined;
  };
  models: {
    /** Folder of the model packages. */
    dir: string;
    /** An archive to be fetched, whose packages stand in for those of `dir`. */
    source: ModelsSource;
    /** The model of a request that names none; undefined leaves the choice to the catalog. */
    defaultName: string | undefined;
  };
  jobs: {
    /** Time for which a record is kept after its job ended. */
    resultTtlMs: number;
    /** Of inputs above 4 KB; with `never` of all. */
    keepInput: KeepInput;
    /** Longest that a job may wait in its queue; then it ends as `expired`. */
    queueTtlMs: number;
    /** Jobs of one queue that may wait; more are refused. */
    maxQueueDepth: number;
    /** The most that a submission may ask for. */
    most: SubmissionBounds;
  };
  batches: {
    /** Most rows of one chunk, which a worker runs at once. */
    chunkRows: number;
    maxRows: number;
    /** Largest upload after decompression. */
    limitBytes: number;
  };
  /** Members of the answer to `GET /health`. */
  service: {
    name: string;
    apiVersion: string;
    /** Undefined: the version of the default model. */
    modelVersion: string | undefined;
  };
  /** From the signal to stop until requests under way are cut off. */
  graceMs: number;
  /** Destination of the spans; undefined for none. */
  tracing: TracingConfig | undefined;
  log: LogConfig;
}

/** Reads the API's variables. Throws one ConfigError that names every bad one. `isTerminal`: people read the log. */
export function readApiConfig(env: Env, isTerminal: boolean): Readonly<ApiConfig> {
  return readEnv(
    env,
    (read): ApiConfig => ({
      listen: { ...readHost(read), port: read.int('PORT', 8182, { max: 65_535 }) },
      admission: {
        ...readKeys(read),
        rateLimit: read.parsed('RATE_LIMIT', 'off', parseRateLimit),
        corsOrigins: read.parsed('CORS_ORIGIN', '', parseCorsOrigins),
        trustedProxies: read.int('TRUST_PROXY', 0, { max: 10 }),
      },
      bodyLimitBytes: read.int('BODY_LIMIT_BYTES', 65_536, { min: 1_024, max: 16_777_216 }),
      redis: {
        ...readAcks(read),
        address: read.parsed('REDIS_URL', 'redis://127.0.0.1:6379', parseRedisAddress),
        keyPrefix: read.text('KEY_PREFIX', ''),
        partitions: read.int('PARTITIONS', 1, { min: 1, max: MOST_PARTITIONS }),
      },
      models: {
        dir: read.text('MODELS_DIR', 'model'),
        source: readModelsSource(
          read.optional('MODELS_URL'),
          read.optional('MODELS_URL_FILE'),
          read.problems,
        ),
        defaultName: read.optional('DEFAULT_MODEL'),
      },
      jobs: {
        resultTtlMs: read.int('RESULT_TTL_MS', 86_400_000, { min: 1_000 }),
        keepInput: read.choice('KEEP_INPUT', KEEP_INPUTS, 'failed'),
        queueTtlMs: read.int('QUEUE_TTL_MS', DEFAULT_QUEUE_TTL_MS, { min: 1_000 }),
        maxQueueDepth: read.int('MAX_QUEUE_DEPTH', 100_000, { min: 1 }),
        most: {
          timeoutMs: read.int('MAX_TIMEOUT_MS', LARGEST_BOUNDS.timeoutMs, {
            min: 1,
            max: LARGEST_BOUNDS.timeoutMs,
          }),
          attempts: read.int('MAX_ATTEMPTS', LARGEST_BOUNDS.attempts, {
            min: 1,
            max: LARGEST_BOUNDS.attempts,
          }),
        },
      },
      batches: {
        chunkRows: read.int('CHUNK_ROWS', 4_096, { min: 1, max: 65_536 }),
        maxRows: read.int('BATCH_MAX_ROWS', 1_000_000, { min: 1 }),
        limitBytes: read.int('BATCH_LIMIT_BYTES', 268_435_456, { min: 1_024 }),
      },
      service: {
        name: read.text('SERVICE_NAME', 'TRIP DURATION MODEL PREDICTION API'),
        apiVersion: read.text('API_VERSION', 'v1'),
        modelVersion: read.optional('MODEL_VERSION'),
      },
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

function readAcks(read: EnvReader): Pick<ApiConfig['redis'], 'timeoutMs' | 'acks'> {
  const timeoutMs = read.int('REDIS_TIMEOUT_MS', 800, { min: 10, max: 60_000 });
  const replicas = read.int('REDIS_REPLICAS_ACK', 0, { max: 16 });
  // A write may first stand behind the WAIT of those before it.
  const max = Math.floor(timeoutMs / 2);
  const acks = {
    replicas,
    timeoutMs: read.int('REDIS_REPLICAS_ACK_MS', Math.min(300, max), { min: 1, max }),
  };
  return { timeoutMs, acks: replicas === 0 ? undefined : acks };
}

function readKeys(read: EnvReader): Pick<ApiConfig['admission'], 'keys' | 'keysFile'> {
  const keysFile = read.optional('API_KEYS_FILE');
  if (keysFile !== undefined && read.optional('API_KEYS') !== undefined) {
    read.problems.push('API_KEYS and API_KEYS_FILE are both set: unset one of them');
    return { keys: undefined, keysFile };
  }
  const keys =
    keysFile === undefined
      ? read.parsed('API_KEYS', '', parseApiKeys)
      : read.parsed('API_KEYS_FILE', '', (path) => (path === '' ? undefined : readKeysFile(path)));
  return { keys, keysFile };
}

/** Reads `API_KEYS_FILE`. Throws what is wrong with it, without a secret. */
export function readKeysFile(path: string): readonly ApiKey[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Error(`cannot be read: ${systemProblem(cause) ?? messageOf(cause)}`, { cause });
  }
  return parseKeysFile(text);
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/**
 * The address to listen on. Without keys everyone who reaches the port may call, so another address than loopback needs
 * a second variable.
 */
function readHost(read: EnvReader): Pick<ListenConfig, 'host' | 'isLoopbackOnly'> {
  const host = read.text('HOST', '127.0.0.1');
  const auth = read.optional('AUTH');
  const hasKeys = (read.optional('API_KEYS') ?? read.optional('API_KEYS_FILE')) !== undefined;
  if (auth !== undefined && auth !== 'none') {
    read.problems.push(`AUTH must be none or unset, not "${auth}"`);
  } else if (auth === 'none' && hasKeys) {
    read.problems.push('AUTH=none lets everybody in, and API_KEYS says who may come in: unset one of them');
  } else if (auth === undefined && !hasKeys && !LOOPBACK.test(host)) {
    read.problems.push(
      `HOST is ${host}, which others can reach, and callers are not checked: ` +
        'set API_KEYS, or AUTH=none to serve everyone, or HOST=127.0.0.1',
    );
  }
  return { host, isLoopbackOnly: auth !== 'none' && !hasKeys };
}
