import type { Costs } from './costs.js';

/** Where {@link MEASURED} comes from: the command, when and where. */
export const SOURCE = {
  command: 'npx waggle bench costs --json',
  date: '2026-11-27',
  machine: '2 shared cores (AMD EPYC), Node 20.20, Redis 7.0, model trip-duration-linear on wasm',
} as const;

/**
 * What things cost there, as the command prints it under `costs`: medians of five rounds, 64 clients at a time, on an
 * otherwise idle machine. Of three such runs CPU times differed by up to a third.
 */
export const MEASURED: Costs = {
  submit: {
    apiUs: 169,
    workerUs: 0,
    inferenceUs: 0,
    redisUs: 42.5,
    redisCommands: 1.81,
    networkBytes: 322,
    appendedBytes: 839,
  },
  poll: {
    apiUs: 147,
    workerUs: 0,
    inferenceUs: 0,
    redisUs: 10.7,
    redisCommands: 2.11,
    networkBytes: 600,
    appendedBytes: 0.0214,
  },
  run: {
    apiUs: 2.54,
    workerUs: 42.8,
    inferenceUs: 27.7,
    redisUs: 65.8,
    redisCommands: 6.26,
    networkBytes: 407,
    appendedBytes: 962,
  },
  wait: {
    apiUs: 202,
    workerUs: 68,
    inferenceUs: 27,
    redisUs: 118,
    redisCommands: 8.07,
    networkBytes: 1090,
    appendedBytes: 1860,
  },
  thousandRows: {
    apiUs: 2440,
    workerUs: 1240,
    inferenceUs: 1040,
    redisUs: 728,
    redisCommands: 50.6,
    networkBytes: 34300,
    appendedBytes: 19100,
  },
  kept: {
    queuedJob: 947,
    endedJob: 895,
    waitingRow: 14.7,
    endedRow: 5.05,
  },
  resident: {
    api: 214,
    worker: 145,
    inference: 115,
  },
  predictMs: 0.817,
  inputBytes: 59.6,
};
