import { type Cost, type Costs, costOf } from '../../capacity/costs.js';
import { type Figure, median } from '../../lib/figures.js';

/** What figures call the things that cost, the members of a cost with their units, and the rest. */
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

/** Every figure of some rounds; what is nothing in all of them is left out. */
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
 * One number of each: of CPU times the lowest, since what else runs on a machine only ever adds to them, of all others the
 * median.
 */
export function settledCosts(rounds: readonly Costs[]): Costs {
  const over = (valueOf: (costs: Costs) => number): number => rounded(median(rounds.map(valueOf)));
  const step = (name: keyof typeof STEPS): Cost =>
    costOf((member) => {
      const settle = member.endsWith('Us') ? lowest : median;
      return rounded(settle(rounds.map((costs) => costs[name][member])));
    });
  return {
    submit: step('submit'),
    poll: step('poll'),
    run: step('run'),
    wait: step('wait'),
    thousandRows: step('thousandRows'),
    kept: {
      queuedJob: over(({ kept }) => kept.queuedJob),
      endedJob: over(({ kept }) => kept.endedJob),
      waitingRow: over(({ kept }) => kept.waitingRow),
      endedRow: over(({ kept }) => kept.endedRow),
    },
    resident: {
      api: over(({ resident }) => resident.api),
      worker: over(({ resident }) => resident.worker),
      inference: over(({ resident }) => resident.inference),
    },
    predictMs: over(({ predictMs }) => predictMs),
    inputBytes: over(({ inputBytes }) => inputBytes),
  };
}

const lowest = (values: readonly number[]): number => Math.min(...values);

/** To three digits: more than that no measurement holds. */
const rounded = (value: number): number => Number(value.toPrecision(3));
