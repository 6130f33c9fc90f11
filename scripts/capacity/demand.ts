/** The load of a deployment, and its settings. */
export interface Demand {
  jobsPerSecond: number;
  /** Rows of batches. */
  rowsPerSecond: number;
  /** Time of a micro-batch in the model, in ms; undefined for a model as fast as the measured one. */
  predictMs: number | undefined;
  /** `MAX_BATCH`: jobs of a micro-batch. */
  maxBatch: number;
  /** Way in which clients get results: in the request that submits, or by that many polls. */
  results: 'wait' | { polls: number };
  /** An input as JSON, in bytes; undefined for one as long as the measured ones. */
  inputBytes: number | undefined;
  /** `RESULT_TTL_MS`. */
  resultTtlMs: number;
  /** `MAX_QUEUE_DEPTH`. */
  maxQueueDepth: number;
  /** Longest outage of all workers in which no job is refused, in s. */
  outageSeconds: number;
  /** Of each master of Redis. */
  replicas: number;
  /** `REDIS_REPLICAS_ACK`. */
  acks: number;
  /** Memory of one Redis, in MB. */
  redisMemoryMb: number;
}

/** The demand where the caller says nothing: the defaults of the variables, and the memory that compose/ gives Redis. */
export const USUAL = {
  predictMs: undefined,
  maxBatch: 64,
  results: { polls: 2 },
  inputBytes: undefined,
  resultTtlMs: 86_400_000,
  maxQueueDepth: 100_000,
  outageSeconds: 60,
  replicas: 0,
  acks: 0,
  redisMemoryMb: 1_000,
} as const satisfies Omit<Demand, 'jobsPerSecond' | 'rowsPerSecond'>;

/** Largest share of a core that a process is planned to be busy: the rest is for bursts, restarts and noise. */
export const TARGET_UTILISATION = 0.6;
