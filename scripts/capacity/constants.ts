import type { Costs } from './costs.js';

/** Command, date and machine of {@link MEASURED}. */
export const SOURCE = {
  command: 'npx waggle bench costs --json',
  date: '2026-11-29',
  machine: '2 shared cores (Intel Xeon), Node 20.20, Redis 7.0, model trip-duration-linear on wasm',
} as const;

/**
 * The `costs` that the command prints: of five rounds with 64 clients, and of three such runs the medians. CPU times of the
 * runs differed by up to a third, so two digits are all that they are worth.
 */
export const MEASURED: Costs = {
  submit: {
    apiUs: 120,
    workerUs: 0,
    inferenceUs: 0,
    redisUs: 14,
    redisCommands: 0.47,
    networkBytes: 450,
    appendedBytes: 430,
  },
  poll: {
    apiUs: 160,
    workerUs: 0,
    inferenceUs: 0,
    redisUs: 35,
    redisCommands: 4.1,
    networkBytes: 470,
    appendedBytes: 0.18,
  },
  run: {
    apiUs: 2.5,
    workerUs: 57,
    inferenceUs: 18,
    redisUs: 64,
    redisCommands: 1.8,
    networkBytes: 730,
    appendedBytes: 900,
  },
  wait: {
    apiUs: 190,
    workerUs: 73,
    inferenceUs: 16,
    redisUs: 79,
    redisCommands: 2.6,
    networkBytes: 1200,
    appendedBytes: 1400,
  },
  thousandRows: {
    apiUs: 1200,
    workerUs: 540,
    inferenceUs: 280,
    redisUs: 310,
    redisCommands: 19,
    networkBytes: 33000,
    appendedBytes: 17000,
  },
  kept: {
    queuedJob: 760,
    endedJob: 650,
    waitingRow: 14,
    endedRow: 5,
  },
  resident: {
    api: 230,
    worker: 150,
    inference: 110,
  },
  predictMs: 0.23,
  inputBytes: 60,
};

/**
 * CPU time, in µs: of a master for each kilobyte that a replica gets, and of the API and the master for each job that replicas have to
 * acknowledge; of a master for each API process that hears a message of its. Measured on the same machine: 12,000 jobs of 64 callers with and without a replica and `REDIS_REPLICAS_ACK=1`,
 * medians of three rounds. A job that comes alone costs the API 51 and the master 42 for its acknowledgement. Messages name 64
 * jobs, and went to up to 80 subscribers.
 */
export const MASTER = { replicaUsAKb: 4.1, ackApiUs: 2.3, ackUs: 0.25, messageUs: 5.3 } as const;
