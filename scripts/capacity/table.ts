import { figureLines, twoDigits } from '../lib/figures.js';
import type { Demand } from './demand.js';
import type { Plan } from './plan.js';

type Row = [name: string, value: number, unit: string];

const BOUNDS = {
  worker: 'its CPU',
  inference: 'the CPU of its inference process',
  model: 'the time of the model',
};

const FEW_REPLICAS = 'in all: have more of each than REDIS_REPLICAS_ACK, or one lost node refuses everything';

/** A plan as the lines of one table: name, figure, unit. Counts are exact, all other figures have two digits. */
export function planTable(
  { api, worker, redis, limits, refusesAfterSeconds }: Plan,
  { replicas, acks }: Pick<Demand, 'replicas' | 'acks'>,
): string[] {
  const counts: Row[] = [
    ['APIs', api.processes, '(WEB_CONCURRENCY)'],
    ['workers', worker.processes, `(WORKERS), each bound by ${BOUNDS[worker.boundBy]}`],
    ['Redis masters', redis.masters, '(at most PARTITIONS)'],
  ];
  if (replicas > 0) {
    counts.push(['Redis replicas', redis.replicas, replicas > acks ? 'in all' : FEW_REPLICAS]);
  }
  const amounts: Row[] = [
    ['API, CPU', api.busyCores, 'cores'],
    ['API, memory', api.memoryMb, 'MB'],
    ['worker, CPU', worker.busyCores, 'cores'],
    ['worker, CPU of inference', worker.inferenceCores, 'cores'],
    ['worker, memory', worker.memoryMb, 'MB'],
    ['worker, most of each', worker.jobsPerSecondEach, 'jobs/s'],
    ['Redis, CPU', redis.busyCores, 'cores'],
    ['Redis, commands', redis.commandsPerSecond, '/s'],
    ['Redis, network', redis.networkMbPerSecond, 'MB/s'],
    ['Redis, disk', redis.appendedMbPerSecond, 'MB/s'],
    ['Redis, memory of results', redis.resultsMb, 'MB'],
    ['Redis, memory of what waits after an outage', redis.backlogMb, 'MB'],
    ['Redis, memory of each', (redis.resultsMb + redis.backlogMb) / redis.masters, 'MB'],
    ...limits.map(
      ({ what, atTimes, change }): Row => [
        `limit of ${what}`,
        atTimes,
        `times this load${atTimes < 1 ? ', too small NOW' : ''}; then change ${change}`,
      ],
    ),
  ];
  if (redis.messageCores > 0) amounts.push(['Redis, CPU for messages to APIs', redis.messageCores, 'cores']);
  if (refusesAfterSeconds !== null) {
    amounts.push(['without workers, 503 after', refusesAfterSeconds, 's']);
  }
  const rows = [...counts, ...amounts.map(([name, value, unit]): Row => [name, twoDigits(value), unit])];
  return figureLines(rows.map(([name, value, unit]) => ({ name, unit, rounds: [value] })));
}
