import { MOST_PARTITIONS } from '../../shared/records/partition-tags.js';
import { type Cost, type Costs, MEASURED_CHUNK_ROWS, totalCost } from './costs.js';
import { MASTER } from './constants.js';
import { type Demand, TARGET_UTILISATION } from './demand.js';

/** Processes of one kind. */
export interface ProcessPlan {
  processes: number;
  /** CPU time that all of them take, in cores. */
  busyCores: number;
  /** Memory of all of them, in MB. */
  memoryMb: number;
}

/** The part of a worker that is busy first. */
export type WorkerBound = 'worker' | 'inference' | 'model';

/** Workers, each with one inference process a model. */
export interface WorkerPlan extends ProcessPlan {
  /** CPU time of the inference processes, in cores; a model on a GPU counts for as long as it predicts. */
  inferenceCores: number;
  boundBy: WorkerBound;
  /** Single jobs that one worker runs when it runs nothing else. */
  jobsPerSecondEach: number;
}

/** Redis, all masters together. */
export interface RedisPlan {
  /** Each has an equal share of the partitions. */
  masters: number;
  /** Of all masters. */
  replicas: number;
  busyCores: number;
  /** The part of it that tells API processes of jobs, in cores. */
  messageCores: number;
  commandsPerSecond: number;
  networkMbPerSecond: number;
  appendedMbPerSecond: number;
  /** Results, for as long as they are kept. */
  resultsMb: number;
  /** Jobs and rows that wait after an outage of the workers. */
  backlogMb: number;
}

/** A limit that more processes do not raise. */
export interface Limit {
  what: 'Redis memory' | 'Redis CPU' | 'partitions' | 'queue depth';
  /** Multiple of the demand at which it is reached: below 1 the demand itself is too much. */
  atTimes: number;
  /** The setting to change then. */
  change: string;
}

/** Processes, Redis and limits for a demand. */
export interface Plan {
  api: ProcessPlan;
  worker: WorkerPlan;
  redis: RedisPlan;
  /** The limits of Redis and of the queue, the lowest first; none of an empty demand. */
  limits: Limit[];
  /** Time after which jobs are refused when no worker runs, in s; null without jobs or rows. */
  refusesAfterSeconds: number | null;
}

/** At least one of each has to run. */
const FEWEST = 1;
const BYTES_A_MB = 1e6;
const US_A_SECOND = 1e6;

/** Computes a plan by arithmetic alone: cost times rate, over the share of a core that one process may use. */
export function planFor(demand: Demand, costs: Costs): Plan {
  const { jobsPerSecond, rowsPerSecond } = demand;
  const second = totalCost([
    [costOfJob(demand, costs), jobsPerSecond],
    [costs.thousandRows, rowsPerSecond / 1000],
  ]);
  const copiedMb = (demand.replicas * second.appendedBytes) / BYTES_A_MB;
  const isAcked = demand.acks > 0 ? jobsPerSecond : 0;
  const apiCores = (second.apiUs + isAcked * MASTER.ackApiUs) / US_A_SECOND;
  const apis = processesFor(apiCores);
  const messageCores = messageUs(demand, apis) / US_A_SECOND;
  const ownUs = second.redisUs + copiedMb * 1_000 * MASTER.replicaUsAKb + isAcked * MASTER.ackUs;
  const busyCores = ownUs / US_A_SECOND + messageCores;
  const masters = processesFor(busyCores);
  const redis: RedisPlan = {
    masters,
    replicas: masters * demand.replicas,
    busyCores,
    messageCores,
    commandsPerSecond: second.redisCommands,
    networkMbPerSecond: second.networkBytes / BYTES_A_MB + copiedMb,
    appendedMbPerSecond: second.appendedBytes / BYTES_A_MB,
    ...keptMb(demand, costs),
  };
  // Jobs and chunks wait in queues of their own, each of that depth.
  const queuedPerSecond = Math.max(jobsPerSecond, rowsPerSecond / MEASURED_CHUNK_ROWS);
  const refusesAfterSeconds = demand.maxQueueDepth / queuedPerSecond;
  return {
    api: { processes: apis, busyCores: apiCores, memoryMb: apis * costs.resident.api },
    worker: workersFor(demand, { second, costs }),
    redis,
    limits: limitsOf(demand, redis, refusesAfterSeconds),
    refusesAfterSeconds: Number.isFinite(refusesAfterSeconds) ? refusesAfterSeconds : null,
  };
}

/**
 * CPU time of Redis in a second that tells API processes more than one of them was told when costs were measured. Of each
 * micro-batch all hear twice, and those that wait for its jobs once more.
 */
const messageUs = ({ jobsPerSecond, rowsPerSecond, maxBatch }: Demand, apis: number): number =>
  (jobsPerSecond / maxBatch + rowsPerSecond / MEASURED_CHUNK_ROWS) *
  (2 * (apis - 1) + Math.min(maxBatch, apis) - 1) *
  MASTER.messageUs;

/** The number of processes of which none is busier than {@link TARGET_UTILISATION}. */
const processesFor = (cores: number): number =>
  // Rounded first: 0.6 cores in floating point may be a little more than 0.6.
  Math.max(FEWEST, Math.ceil(Number((cores / TARGET_UTILISATION).toPrecision(12))));

const costOfJob = ({ results }: Demand, costs: Costs): Cost =>
  results === 'wait'
    ? costs.wait
    : totalCost([
        [costs.submit, 1],
        [costs.poll, results.polls],
        [costs.run, 1],
      ]);

/** `second`: the cost of everything that comes in a second. */
function workersFor(
  { jobsPerSecond, rowsPerSecond, predictMs, maxBatch }: Demand,
  { second, costs }: { second: Cost; costs: Costs },
): WorkerPlan {
  const modelUs = ((predictMs ?? 0) * 1000) / maxBatch;
  const workerCores = second.workerUs / US_A_SECOND;
  const inferenceCores = second.inferenceUs / US_A_SECOND;
  const modelCores = (modelUs * (jobsPerSecond + rowsPerSecond)) / US_A_SECOND;
  const most = Math.max(workerCores, inferenceCores, modelCores);
  const processes = processesFor(most);
  const jobUs = Math.max(costs.run.workerUs, costs.run.inferenceUs, modelUs);
  return {
    processes,
    busyCores: workerCores,
    inferenceCores: Math.max(inferenceCores, modelCores),
    memoryMb: processes * (costs.resident.worker + costs.resident.inference),
    boundBy: most === workerCores ? 'worker' : most === inferenceCores ? 'inference' : 'model',
    jobsPerSecondEach: (TARGET_UTILISATION * US_A_SECOND) / jobUs,
  };
}

/** Memory of Redis for results and, after an outage, for jobs and rows that wait. */
function keptMb(demand: Demand, { kept, inputBytes }: Costs): Pick<RedisPlan, 'resultsMb' | 'backlogMb'> {
  const { jobsPerSecond, rowsPerSecond, resultTtlMs, outageSeconds, maxQueueDepth } = demand;
  // A record keeps its input, so that a job can be replayed.
  const moreBytes = (demand.inputBytes ?? inputBytes) - inputBytes;
  const results = jobsPerSecond * (kept.endedJob + moreBytes) + rowsPerSecond * kept.endedRow;
  const jobs = Math.min(jobsPerSecond * outageSeconds, maxQueueDepth);
  const rows = Math.min(rowsPerSecond * outageSeconds, maxQueueDepth * MEASURED_CHUNK_ROWS);
  return {
    resultsMb: (results * (resultTtlMs / 1000)) / BYTES_A_MB,
    backlogMb: (jobs * (kept.queuedJob + moreBytes) + rows * kept.waitingRow) / BYTES_A_MB,
  };
}

function limitsOf(
  { redisMemoryMb, outageSeconds }: Demand,
  { masters, busyCores, messageCores, resultsMb, backlogMb }: RedisPlan,
  refusesAfterSeconds: number,
): Limit[] {
  // Messages grow with the jobs and with the APIs that hear of them.
  const timesUntil = (cores: number): number => {
    const own = busyCores - messageCores;
    return (2 * cores) / (own + Math.sqrt(own ** 2 + 4 * messageCores * cores));
  };
  const limits: Limit[] = [
    {
      what: 'Redis memory',
      atTimes: (redisMemoryMb * masters) / (resultsMb + backlogMb),
      change: 'RESULT_TTL_MS, or the memory of Redis',
    },
    {
      what: 'Redis CPU',
      atTimes: timesUntil(TARGET_UTILISATION),
      change: 'PARTITIONS, over more masters; CHUNK_ROWS for rows',
    },
    {
      what: 'partitions',
      atTimes: timesUntil(MOST_PARTITIONS * TARGET_UTILISATION),
      change: 'to a deployment for each group of models',
    },
    { what: 'queue depth', atTimes: refusesAfterSeconds / outageSeconds, change: 'MAX_QUEUE_DEPTH' },
  ];
  return limits
    .filter(({ atTimes }) => Number.isFinite(atTimes))
    .toSorted((one, other) => one.atTimes - other.atTimes);
}
