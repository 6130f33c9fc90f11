import type { Costs } from './costs.js';

/** Where {@link MEASURED} comes from. */
export const SOURCE = {
  command: 'npx waggle bench costs --json',
  date: '2026-11-26',
  machine: '2 shared cores, Node 20, Redis 7.0, wasm engine, model trip-duration-linear',
} as const;

/** What things cost on one machine; as `bench costs --json` prints them under `costs`. */
export const MEASURED: Costs = {
  submit: {
    apiUs: 150,
    workerUs: 0,
    inferenceUs: 0,
    redisUs: 40,
    redisCommands: 10,
    networkBytes: 1000,
    appendedBytes: 900,
  },
  poll: {
    apiUs: 90,
    workerUs: 0,
    inferenceUs: 0,
    redisUs: 12,
    redisCommands: 1,
    networkBytes: 700,
    appendedBytes: 0,
  },
  run: {
    apiUs: 1,
    workerUs: 90,
    inferenceUs: 5,
    redisUs: 60,
    redisCommands: 15,
    networkBytes: 1500,
    appendedBytes: 600,
  },
  wait: {
    apiUs: 220,
    workerUs: 120,
    inferenceUs: 10,
    redisUs: 110,
    redisCommands: 26,
    networkBytes: 3000,
    appendedBytes: 1500,
  },
  thousandRows: {
    apiUs: 2500,
    workerUs: 500,
    inferenceUs: 500,
    redisUs: 300,
    redisCommands: 40,
    networkBytes: 40000,
    appendedBytes: 20000,
  },
  kept: { queuedJob: 1200, endedJob: 1000, waitingRow: 14, endedRow: 5 },
  resident: { api: 130, worker: 120, inference: 110 },
  predictMs: 0.5,
  inputBytes: 60,
};
