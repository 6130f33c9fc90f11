import { MEASURED_CHUNK_ROWS } from './costs.js';
import { type Demand, TARGET_UTILISATION } from './demand.js';
import { duration, roundedUp } from './words.js';

/** Something that more processes do not help. */
export interface Limit {
  what: 'Redis memory' | 'Redis CPU' | 'queue depth';
  /** At how many times the demand it is reached: below 1 it already is. */
  atTimes: number;
  /** What to change then. */
  advice: string;
}

/** What a demand is to Redis. */
export interface RedisLoad {
  servers: number;
  busyCores: number;
  resultsMb: number;
  backlogMb: number;
  /** The part of its CPU time that is for rows of batches, 0 to 1. */
  rowsShare: number;
}

/** What ends when the demand grows, first things first; none of an empty demand. */
export function limitsOf(demand: Demand, load: RedisLoad): Limit[] {
  // Each Redis has its part of what comes.
  const waiting = queuedAfterOutage(demand) / load.servers;
  const limits: Limit[] = [
    {
      what: 'Redis memory',
      atTimes: (demand.redisMemoryMb * load.servers) / (load.resultsMb + load.backlogMb),
      advice: memoryAdvice(demand, load),
    },
    { what: 'Redis CPU', atTimes: TARGET_UTILISATION / load.busyCores, advice: cpuAdvice(load) },
    {
      what: 'queue depth',
      atTimes: demand.maxQueueDepth / waiting,
      advice:
        demand.maxQueueDepth < waiting
          ? `MAX_QUEUE_DEPTH=${roundedUp(waiting)} takes what comes in ${duration(demand.outageSeconds * 1000)}`
          : 'raise MAX_QUEUE_DEPTH',
    },
  ];
  return limits
    .filter(({ atTimes }) => Number.isFinite(atTimes))
    .toSorted((one, other) => one.atTimes - other.atTimes);
}

/** Jobs, or chunks if these are more, that wait when no worker ran for as long as the demand allows. */
const queuedAfterOutage = ({ jobsPerSecond, rowsPerSecond, outageSeconds }: Demand): number =>
  Math.max(jobsPerSecond, rowsPerSecond / MEASURED_CHUNK_ROWS) * outageSeconds;

function memoryAdvice(demand: Demand, { servers, resultsMb, backlogMb }: RedisLoad): string {
  const roomMb = demand.redisMemoryMb * servers - backlogMb;
  if (resultsMb <= roomMb) return 'lower RESULT_TTL_MS, or give Redis more memory';
  const neededMb = roundedUp((resultsMb + backlogMb) / servers);
  const give = `give ${servers === 1 ? 'Redis' : 'each Redis'} ${neededMb.toLocaleString('en-US')} MB`;
  const ttlMs = wholeUnits((demand.resultTtlMs * roomMb) / resultsMb);
  if (ttlMs < 1000) return `${give}: what waits after an outage leaves no room for results`;
  return `keep results for ${duration(ttlMs)} only (RESULT_TTL_MS=${ttlMs}), or ${give}`;
}

const cpuAdvice = ({ rowsShare }: RedisLoad): string => {
  const split = 'split the models over several Redis: a deployment and a Redis for each group of models';
  return rowsShare > 0.5 ? `raise CHUNK_ROWS: larger chunks cost fewer commands; then ${split}` : split;
};

/** Down to whole minutes, or to whole seconds below one. */
function wholeUnits(ms: number): number {
  const unitMs = ms >= 60_000 ? 60_000 : 1_000;
  return Math.floor(ms / unitMs) * unitMs;
}
