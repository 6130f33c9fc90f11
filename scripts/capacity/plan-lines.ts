import { SOURCE } from './constants.js';
import { type Demand, TARGET_UTILISATION, USUAL } from './demand.js';
import type { Plan } from './plan.js';

/** A plan as text for a terminal: the demand, one table, the limits, and how to start it. */
export function planLines(demand: Demand, plan: Plan): string[] {
  const { api, worker, redis, limits, refusesAfterSeconds } = plan;
  const redisMb = (redis.resultsMb + redis.backlogMb) / redis.servers;
  return [
    `For ${twoDigits(demand.jobsPerSecond)} jobs/s and ${twoDigits(demand.rowsPerSecond)} rows/s, results kept for ` +
      `${(demand.resultTtlMs / 1000).toLocaleString('en-US')} s:`,
    '',
    ...table([
      ['', 'processes', 'busy cores', 'memory', 'load'],
      ['API', api.processes, api.busyCores, `${twoDigits(api.memoryMb)} MB`, resultsOf(demand)],
      [
        'worker',
        worker.processes,
        worker.busyCores + worker.inferenceCores,
        `${twoDigits(worker.memoryMb)} MB`,
        `up to ${twoDigits(worker.jobsPerSecondEach)} jobs/s each, bound by ${BOUNDS[worker.boundBy]}`,
      ],
      [
        'Redis',
        redis.servers,
        redis.busyCores,
        `${twoDigits(redisMb)} MB each`,
        `${twoDigits(redis.commandsPerSecond)} commands/s, network ${twoDigits(redis.networkMbPerSecond)} MB/s, ` +
          `disk ${twoDigits(redis.appendedMbPerSecond)} MB/s`,
      ],
    ]),
    '',
    ...limits.map(({ name, atTimes, change }) =>
      atTimes < 1
        ? `${name} is too small NOW; change ${change}`
        : `${name} is used up at ${twoDigits(atTimes)} times this; then change ${change}`,
    ),
    ...(refusesAfterSeconds === null
      ? []
      : [`without any worker the API answers 503 after ${twoDigits(refusesAfterSeconds)} s`]),
    ...startLines(demand, plan),
    '',
    `Computed from costs measured on ${SOURCE.date} (${SOURCE.machine}), each process busy`,
    `${TARGET_UTILISATION * 100} % of a core at most. Another machine, model or input costs something else: npx waggle bench costs.`,
  ];
}

const BOUNDS = {
  worker: 'its CPU',
  inference: 'the CPU of its inference process',
  model: 'the time of the model',
};

const resultsOf = ({ results }: Demand): string =>
  results === 'wait' ? 'clients wait (Prefer: wait)' : `clients poll ${twoDigits(results.polls)} times a job`;

/** The command that starts the plan; none where a setting has to change first, or one machine is not enough. */
function startLines(demand: Demand, { api, worker, redis, limits }: Plan): string[] {
  if (redis.servers > 1) return ['each Redis has APIs and workers of its own: docs/performance.md, "Growth"'];
  if (limits.some(({ atTimes }) => atTimes < 1)) return [];
  const variables = [
    ['WEB_CONCURRENCY', api.processes, 1],
    ['WORKERS', worker.processes, 1],
    ['MAX_BATCH', demand.maxBatch, USUAL.maxBatch],
    ['MAX_QUEUE_DEPTH', demand.maxQueueDepth, USUAL.maxQueueDepth],
    ['RESULT_TTL_MS', demand.resultTtlMs, USUAL.resultTtlMs],
  ] as const;
  const set = variables.flatMap(([name, value, usual]) => (value === usual ? [] : [`${name}=${value}`]));
  return ['', `  ${[...set, 'npm start'].join(' ')}`];
}

const twoDigits = (value: number): string =>
  value.toLocaleString('en-US', {
    maximumSignificantDigits: Number.isInteger(value) && value < 1000 ? 3 : 2,
  });

/** Rows with columns as wide as their widest cell. */
function table(rows: readonly (string | number)[][]): string[] {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? twoDigits(cell) : cell)));
  const width = (column: number): number => Math.max(...cells.map((row) => row[column]?.length ?? 0));
  return cells.map((row) =>
    row
      .map((cell, i) => cell.padEnd(width(i)))
      .join('  ')
      .trimEnd(),
  );
}
