import type { Costs } from './costs.js';

/** Where {@link MEASURED} comes from: the command, when and where. */
export const SOURCE = {
  command: 'npx waggle bench costs --json',
  date: '2026-11-26',
  machine: '2 shared cores (AMD EPYC), Node 20.20, Redis 7.0, model trip-duration-linear on wasm',
} as const;

/**
 * What things cost there, as the command prints it under `costs`, 64 clients at a time. The machine had other things to do
 * meanwhile: of CPU times this is the lowest of three runs of five rounds each; the medians were 10 to 45 % above.
 */
export const MEASURED: Costs = {
  submit: {
    apiUs: 198,
    workerUs: 0,
    inferenceUs: 0,
    redisUs: 37.3,
    redisCommands: 1.83,
    networkBytes: 319,
    appendedBytes: 835,
  },
  poll: {
    apiUs: 164,
    workerUs: 0,
    inferenceUs: 0,
    redisUs: 16.4,
    redisCommands: 2.43,
    networkBytes: 806,
    appendedBytes: 0.127,
  },
  run: {
    apiUs: 6.27,
    workerUs: 95.5,
    inferenceUs: 37.7,
    redisUs: 103,
    redisCommands: 13.5,
    networkBytes: 1210,
    appendedBytes: 1090,
  },
  wait: {
    apiUs: 268,
    workerUs: 109,
    inferenceUs: 51,
    redisUs: 151,
    redisCommands: 16.3,
    networkBytes: 2380,
    appendedBytes: 1970,
  },
  thousandRows: {
    apiUs: 2880,
    workerUs: 1360,
    inferenceUs: 1240,
    redisUs: 881,
    redisCommands: 53,
    networkBytes: 34500,
    appendedBytes: 19100,
  },
  kept: { queuedJob: 946, endedJob: 894, waitingRow: 14.8, endedRow: 5.01 },
  resident: { api: 206, worker: 152, inference: 112 },
  predictMs: 0.898,
  inputBytes: 59.6,
};
