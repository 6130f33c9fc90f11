import { MEASURED_CHUNK_ROWS } from './costs.js';
import { type Demand, TARGET_UTILISATION } from './demand.js';

/** A bound that more processes do not move. */
export interface Limit {
  name: 'Redis memory' | 'Redis CPU' | 'queue depth';
  /** Multiple of the demand at which it is reached: below 1 the demand itself is too much. */
  atTimes: number;
  /** The setting to change then. */
  change: string;
}

/** The load of all Redis servers together. */
export interface RedisLoad {
  servers: number;
  busyCores: number;
  resultsMb: number;
  backlogMb: number;
}

/** The limits in the order in which a growing demand reaches them; none of an empty demand. */
export function limitsOf(demand: Demand, load: RedisLoad): Limit[] {
  const { jobsPerSecond, rowsPerSecond, outageSeconds, maxQueueDepth, redisMemoryMb } = demand;
  const waiting = Math.max(jobsPerSecond, rowsPerSecond / MEASURED_CHUNK_ROWS) * outageSeconds;
  const limits: Limit[] = [
    {
      name: 'Redis memory',
      atTimes: (redisMemoryMb * load.servers) / (load.resultsMb + load.backlogMb),
      change: 'RESULT_TTL_MS, or the memory of Redis',
    },
    {
      name: 'Redis CPU',
      atTimes: TARGET_UTILISATION / load.busyCores,
      change: 'CHUNK_ROWS for rows, or a Redis for each group of models',
    },
    { name: 'queue depth', atTimes: (maxQueueDepth * load.servers) / waiting, change: 'MAX_QUEUE_DEPTH' },
  ];
  return limits
    .filter(({ atTimes }) => Number.isFinite(atTimes))
    .toSorted((one, other) => one.atTimes - other.atTimes);
}
