import { type Costs, MEASURED_CHUNK_ROWS, totalCost } from './costs.js';
import { type Demand, TARGET_UTILISATION } from './demand.js';
import { type Limit, limitsOf } from './limits.js';

/** Processes of one kind. */
export interface ProcessPlan {
  processes: number;
  /** CPU time that all of them take, in cores. */
  busyCores: number;
  /** Of all of them, in MB. */
  memoryMb: number;
}

/** The part of a worker that is fully busy first. */
export type WorkerBound = 'worker' | 'inference' | 'model';

/** Workers, each with one inference process a model. */
export interface WorkerPlan extends ProcessPlan {
  /** Of the inference processes; a model that is not the CPU's counts as long as it predicts. */
  inferenceCores: number;
  boundBy: WorkerBound;
  /** Single jobs that one worker runs a second when it runs nothing else. */
  jobsPerSecondEach: number;
}

/** Redis, all servers together. */
export interface RedisPlan {
  servers: number;
  busyCores: number;
  commandsPerSecond: number;
  networkMbPerSecond: number;
  appendedMbPerSecond: number;
  /** Memory of results. */
  resultsMb: number;
  /** Memory of jobs and rows that wait after an outage of the workers. */
  backlogMb: number;
}

/** The processes and the memory that a demand takes. */
export interface Plan {
  api: ProcessPlan;
  worker: WorkerPlan;
  redis: RedisPlan;
  /** Limits in the order in which a growing demand reaches them. Processes are none: more are added. */
  limits: Limit[];
  /** Time after which jobs are refused when no worker runs, in s; null without jobs or rows. */
  refusesAfterSeconds: number | null;
}

/** A plan never needs fewer: one of each has to run. */
const FEWEST = 1;
const BYTES_A_MB = 1e6;
const US_A_SECOND = 1e6;

/** Plans for a demand. Pure arithmetic: cost times rate, divided by the share of a core that one process may use. */
export function planFor(demand: Demand, costs: Costs): Plan {
  const { jobsPerSecond, rowsPerSecond, maxBatch } = demand;
  const second = totalCost([
    [costOfJob(demand, costs), jobsPerSecond],
    [costs.thousandRows, rowsPerSecond / 1000],
  ]);
  const redisCores = second.redisUs / US_A_SECOND;
  const servers = processesFor(redisCores);
  const kept = keptMb(demand, servers, costs);
  const redis: RedisPlan = {
    servers,
    busyCores: redisCores,
    commandsPerSecond: second.redisCommands,
    networkMbPerSecond: second.networkBytes / BYTES_A_MB,
    appendedMbPerSecond: second.appendedBytes / BYTES_A_MB,
    ...kept,
  };
  const modelUs = ((demand.predictMs ?? 0) * 1000) / maxBatch;
  const worker = workersFor({
    servers,
    workerCores: second.workerUs / US_A_SECOND,
    inferenceCores: second.inferenceUs / US_A_SECOND,
    modelCores: (modelUs * (jobsPerSecond + rowsPerSecond)) / US_A_SECOND,
    jobUs: Math.max(costs.run.workerUs, costs.run.inferenceUs, modelUs),
    memoryMb: costs.resident.worker + costs.resident.inference,
  });
  const apiCores = second.apiUs / US_A_SECOND;
  // Each Redis has APIs and workers of its own.
  const apis = Math.max(servers, processesFor(apiCores));
  return {
    api: { processes: apis, busyCores: apiCores, memoryMb: apis * costs.resident.api },
    worker,
    redis,
    limits: limitsOf(demand, redis),
    refusesAfterSeconds: refusesAfter(demand, servers),
  };
}

/** Number of processes for so many busy cores, none of them busier than {@link TARGET_UTILISATION}. */
const processesFor = (cores: number): number =>
  // Rounded first: 0.6 cores in floating point may be a little more than 0.6.
  Math.max(FEWEST, Math.ceil(Number((cores / TARGET_UTILISATION).toPrecision(12))));

const costOfJob = ({ results }: Demand, costs: Costs) =>
  results === 'wait'
    ? costs.wait
    : totalCost([
        [costs.submit, 1],
        [costs.poll, results.polls],
        [costs.run, 1],
      ]);

interface WorkerLoad {
  servers: number;
  workerCores: number;
  inferenceCores: number;
  modelCores: number;
  /** Time of one job in the busiest part of a worker. */
  jobUs: number;
  memoryMb: number;
}

function workersFor(load: WorkerLoad): WorkerPlan {
  const { workerCores, inferenceCores, modelCores } = load;
  const most = Math.max(workerCores, inferenceCores, modelCores);
  const processes = Math.max(load.servers, processesFor(most));
  return {
    processes,
    busyCores: workerCores,
    inferenceCores: Math.max(inferenceCores, modelCores),
    memoryMb: processes * load.memoryMb,
    boundBy: most === workerCores ? 'worker' : most === inferenceCores ? 'inference' : 'model',
    jobsPerSecondEach: (TARGET_UTILISATION * US_A_SECOND) / load.jobUs,
  };
}

/** Memory of results and, after an outage, of waiting jobs and rows. */
function keptMb(
  demand: Demand,
  servers: number,
  { kept, inputBytes }: Costs,
): Pick<RedisPlan, 'resultsMb' | 'backlogMb'> {
  const { jobsPerSecond, rowsPerSecond, resultTtlMs, outageSeconds, maxQueueDepth } = demand;
  // A record keeps its input, so that a job can be replayed.
  const moreBytes = (demand.inputBytes ?? inputBytes) - inputBytes;
  const results = jobsPerSecond * (kept.endedJob + moreBytes) + rowsPerSecond * kept.endedRow;
  const depth = maxQueueDepth * servers;
  const jobs = Math.min(jobsPerSecond * outageSeconds, depth);
  const rows = Math.min(rowsPerSecond * outageSeconds, depth * MEASURED_CHUNK_ROWS);
  return {
    resultsMb: (results * (resultTtlMs / 1000)) / BYTES_A_MB,
    backlogMb: (jobs * (kept.queuedJob + moreBytes) + rows * kept.waitingRow) / BYTES_A_MB,
  };
}

function refusesAfter(
  { jobsPerSecond, rowsPerSecond, maxQueueDepth }: Demand,
  servers: number,
): number | null {
  // Jobs and chunks wait in queues of their own, each of that depth.
  const fastest = Math.max(jobsPerSecond, rowsPerSecond / MEASURED_CHUNK_ROWS);
  return fastest === 0 ? null : (maxQueueDepth * servers) / fastest;
}
