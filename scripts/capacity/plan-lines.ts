import { SOURCE } from './constants.js';
import { type Demand, TARGET_UTILISATION, USUAL } from './demand.js';
import type { Limit } from './limits.js';
import type { Plan, WorkerBound } from './plan.js';
import { counted, duration, megabytes, threeDigits } from './words.js';

/** What of a worker is busiest. */
const BOUNDS: Readonly<Record<WorkerBound, string>> = {
  worker: 'the CPU of the worker process',
  inference: 'the CPU of its inference process',
  model: 'the time that the model takes',
};

/** A plan as text for a terminal: what it is for, what it takes, and what breaks first. */
export function planLines(demand: Demand, plan: Plan): string[] {
  return [
    ...demandLines(demand),
    '',
    'It takes',
    ...table([apiRow(plan), ...workerRows(plan, demand), ...redisRows(plan, demand)]),
    '',
    'What breaks first when it grows (for API processes and workers, add more)',
    ...table(plan.limits.map(limitRow)),
    ...refusalLines(demand, plan),
    ...startLines(demand, plan),
    '',
    `Computed, not measured: what things cost a process times how many there are, each process busy ${TARGET_UTILISATION * 100} % of a`,
    `core at the most. The costs were measured on ${SOURCE.date}: ${SOURCE.machine}.`,
    `Another machine, model or input costs something else: npx waggle bench costs.`,
  ];
}

function demandLines({ jobsPerSecond, rowsPerSecond, results, resultTtlMs, predictMs, maxBatch }: Demand) {
  const rates = [
    ...(jobsPerSecond > 0 ? [`${counted(jobsPerSecond, 'job')} a second`] : []),
    ...(rowsPerSecond > 0 ? [`${counted(rowsPerSecond, 'row')} of batches a second`] : []),
  ];
  const asking =
    results === 'wait'
      ? 'clients wait (Prefer: wait)'
      : `clients poll ${counted(results.polls, 'time')} a job`;
  const model =
    predictMs === undefined ? [] : [`the model takes ${threeDigits(predictMs)} ms for ${maxBatch} jobs`];
  return [
    `For ${rates.join(' and ')}`,
    `  ${[...(jobsPerSecond > 0 ? [asking] : []), `results are kept ${duration(resultTtlMs)}`, ...model].join('; ')}`,
  ];
}

const apiRow = ({ api }: Plan): string[] => [
  'API',
  counted(api.processes, 'process', 'processes'),
  `busy ${cores(api.busyCores)}, ${megabytes(api.memoryMb)} of memory`,
];

function workerRows({ worker }: Plan, { jobsPerSecond }: Demand): string[][] {
  const { busyCores, inferenceCores, memoryMb, boundBy, jobsPerSecondEach } = worker;
  const each = jobsPerSecond > 0 ? `one runs up to ${threeDigits(jobsPerSecondEach)} jobs a second; ` : '';
  return [
    [
      'workers',
      counted(worker.processes, 'process', 'processes'),
      `busy ${cores(busyCores)}, their models ${cores(inferenceCores)}, ${megabytes(memoryMb)} of memory`,
    ],
    ['', '', `${each}what is used up first is ${BOUNDS[boundBy]}`],
  ];
}

function redisRows({ redis }: Plan, { outageSeconds, redisMemoryMb }: Demand): string[][] {
  const isOne = redis.servers === 1;
  const outage = duration(outageSeconds * 1000);
  return [
    [
      'Redis',
      counted(redis.servers, 'server'),
      `busy ${cores(redis.busyCores)}, ${threeDigits(redis.commandsPerSecond)} commands a second` +
        (isOne ? '' : ', all together'),
    ],
    [
      '',
      '',
      `keeps ${megabytes(redis.resultsMb)} of results, and ${megabytes(redis.backlogMb)} that wait after ${outage} without workers; ` +
        `${isOne ? 'it' : 'each'} may keep ${megabytes(redisMemoryMb)}`,
    ],
    [
      '',
      '',
      `network ${megabytes(redis.networkMbPerSecond)} a second, disk ${megabytes(redis.appendedMbPerSecond)} a second`,
    ],
  ];
}

const isReached = ({ atTimes }: Pick<Limit, 'atTimes'>): boolean => atTimes < 1;

const limitRow = ({ what, atTimes, advice }: Limit): string[] => [
  isReached({ atTimes }) ? 'NOW' : `at ${threeDigits(atTimes)} times this`,
  what,
  advice,
];

function refusalLines({ maxQueueDepth }: Demand, { refusesAfterSeconds }: Plan): string[] {
  if (refusesAfterSeconds === null) return [];
  const after = duration(refusesAfterSeconds * 1000);
  return [
    `  Without any worker, the queue (MAX_QUEUE_DEPTH=${maxQueueDepth}) takes ${after} of this; then it is 503.`,
  ];
}

/** How to run it; on one machine where one Redis is enough. */
function startLines(demand: Demand, { api, worker, redis, limits }: Plan): string[] {
  if (redis.servers > 1) {
    return [
      '',
      'Each Redis has APIs and workers of its own, and a group of the models: docs/performance.md, "Growth".',
    ];
  }
  if (limits.some(isReached)) return ['', 'Change what says NOW, and compute again.'];
  const busy = api.busyCores + worker.busyCores + worker.inferenceCores + redis.busyCores;
  const variables = [
    ['WEB_CONCURRENCY', api.processes, 1],
    ['WORKERS', worker.processes, 1],
    ['MAX_BATCH', demand.maxBatch, USUAL.maxBatch],
    ['MAX_QUEUE_DEPTH', demand.maxQueueDepth, USUAL.maxQueueDepth],
    ['RESULT_TTL_MS', demand.resultTtlMs, USUAL.resultTtlMs],
  ] as const;
  const set = variables
    .filter(([, value, usual]) => value !== usual)
    .map(([name, value]) => `${name}=${value}`);
  return [
    '',
    `On one machine, of ${counted(Math.ceil(busy / TARGET_UTILISATION), 'core')} or more`,
    `  ${[...set, 'npm start'].join(' ')}`,
  ];
}

const cores = (busy: number): string => `${threeDigits(busy)} ${busy === 1 ? 'core' : 'cores'}`;

/** Rows of which all columns but the last are as wide as their widest cell. */
function table(rows: readonly string[][]): string[] {
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows.map(
    (row) => `  ${row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(width(i)))).join('   ')}`,
  );
}
