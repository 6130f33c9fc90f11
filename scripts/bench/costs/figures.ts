import type { Cost, Costs } from '../../capacity/costs.js';
import { type Figure, median, twoDigits } from '../../lib/figures.js';

/** Names of the measured steps, of the members of a cost with their units, and of the rest. */
const STEPS = {
  submit: 'a submit',
  poll: 'a poll',
  run: 'a run',
  wait: 'a submit that waits, run and all',
  thousandRows: '1,000 rows',
} as const satisfies Partial<Record<keyof Costs, string>>;

const MEMBERS: Readonly<Record<keyof Cost, readonly [name: string, unit: string]>> = {
  apiUs: ['API CPU', 'µs'],
  workerUs: ['worker CPU', 'µs'],
  inferenceUs: ['inference CPU', 'µs'],
  redisUs: ['Redis CPU', 'µs'],
  redisCommands: ['Redis commands', ''],
  networkBytes: ['Redis network', 'bytes'],
  appendedBytes: ['Redis file', 'bytes'],
};

const KEPT = {
  queuedJob: 'a queued job',
  endedJob: 'an ended job',
  waitingRow: 'a row that waits',
  endedRow: 'a row that has ended',
} as const satisfies Record<keyof Costs['kept'], string>;

const PROCESSES = {
  api: 'an API process',
  worker: 'a worker process',
  inference: 'an inference process',
} as const satisfies Record<keyof Costs['resident'], string>;

const keysOf = <T extends object>(value: T): (keyof T)[] => Object.keys(value) as (keyof T)[];

/** Every figure of some rounds, except those that are 0 in all of them. */
export function costFigures(rounds: readonly Costs[]): Figure[] {
  const figure = (name: string, unit: string, valueOf: (costs: Costs) => number): Figure[] => {
    const values = rounds.map(valueOf);
    return values.every((value) => value === 0) ? [] : [{ name, unit, rounds: values }];
  };
  return [
    ...keysOf(STEPS).flatMap((step) =>
      keysOf(MEMBERS).flatMap((member) => {
        const [who, unit] = MEMBERS[member];
        return figure(`${STEPS[step]}: ${who}`, unit, (costs) => costs[step][member]);
      }),
    ),
    ...keysOf(KEPT).flatMap((what) => figure(`memory of ${KEPT[what]}`, 'bytes', ({ kept }) => kept[what])),
    ...keysOf(PROCESSES).flatMap((process) =>
      figure(`memory of ${PROCESSES[process]}, largest`, 'MB', ({ resident }) => resident[process]),
    ),
    ...figure('a full micro-batch in the model', 'ms', ({ predictMs }) => predictMs),
  ];
}

/**
 * One number of each figure, of two digits: of CPU times the lowest, since other programs of a machine only ever add to
 * them; of everything else the median.
 */
export const settledCosts = (rounds: readonly Costs[]): Costs => settled(rounds) as Costs;

/** Settles numbers, or objects of the same shape member by member. */
function settled(values: readonly unknown[], name = ''): unknown {
  if (values.every((value) => typeof value === 'number')) {
    return twoDigits(name.endsWith('Us') ? Math.min(...values) : median(values));
  }
  const objects = values as readonly Record<string, unknown>[];
  const memberOf = (key: string): unknown =>
    settled(
      objects.map((object) => object[key]),
      key,
    );
  return Object.fromEntries(Object.keys(objects[0] ?? {}).map((key) => [key, memberOf(key)]));
}
