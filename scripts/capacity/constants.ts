import type { Costs } from './costs.js';

/** Command, date and machine of {@link MEASURED}. */
export const SOURCE = {
  command: 'npx waggle bench costs --json',
  date: '2026-11-27',
  machine: '2 shared cores (AMD EPYC), Node 20.20, Redis 7.0, model trip-duration-linear on wasm',
} as const;

/**
 * The `costs` that the command prints: of five rounds with 64 clients, on an otherwise idle machine. CPU times of three
 * such runs differed by up to a third, so two digits are all that they are worth.
 */
export const MEASURED: Costs = {
  submit: {
    apiUs: 170,
    workerUs: 0,
    inferenceUs: 0,
    redisUs: 43,
    redisCommands: 1.8,
    networkBytes: 320,
    appendedBytes: 840,
  },
  poll: {
    apiUs: 150,
    workerUs: 0,
    inferenceUs: 0,
    redisUs: 11,
    redisCommands: 2.1,
    networkBytes: 600,
    appendedBytes: 0.021,
  },
  run: {
    apiUs: 2.5,
    workerUs: 43,
    inferenceUs: 28,
    redisUs: 66,
    redisCommands: 6.3,
    networkBytes: 410,
    appendedBytes: 960,
  },
  wait: {
    apiUs: 200,
    workerUs: 68,
    inferenceUs: 27,
    redisUs: 120,
    redisCommands: 8.1,
    networkBytes: 1100,
    appendedBytes: 1900,
  },
  thousandRows: {
    apiUs: 2400,
    workerUs: 1200,
    inferenceUs: 1000,
    redisUs: 730,
    redisCommands: 51,
    networkBytes: 34000,
    appendedBytes: 19000,
  },
  kept: {
    queuedJob: 950,
    endedJob: 900,
    waitingRow: 15,
    endedRow: 5.1,
  },
  resident: {
    api: 210,
    worker: 150,
    inference: 120,
  },
  predictMs: 0.82,
  inputBytes: 60,
};
