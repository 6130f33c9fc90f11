/** CPU time of each process, and the load of Redis. */
export interface Cost {
  /** CPU time of an API process, in µs. */
  apiUs: number;
  /** CPU time of the worker process, in µs. */
  workerUs: number;
  /** CPU time of the worker's inference process, in µs. */
  inferenceUs: number;
  /** CPU time of the one thread of Redis that runs commands, in µs. */
  redisUs: number;
  /** Commands that Redis runs, those inside of scripts included. */
  redisCommands: number;
  /** Traffic on the connections of Redis, both ways, in bytes. */
  networkBytes: number;
  /** Growth of Redis's append-only file, in bytes. */
  appendedBytes: number;
}

/** The findings of `npx waggle bench costs`, from which a plan is computed. */
export interface Costs {
  /** A job is accepted. */
  submit: Cost;
  /** A client asks for its job once. */
  poll: Cost;
  /** A job is run, in a micro-batch of {@link MEASURED_MAX_BATCH}. */
  run: Cost;
  /** The whole life of a job whose client waits for it in the request that submits it. */
  wait: Cost;
  /** A thousand rows of a batch: uploaded, run in chunks of {@link MEASURED_CHUNK_ROWS}, their results read once. */
  thousandRows: Cost;
  /** Memory of Redis for one job or row, in bytes; rows of batches whose chunks wait, and of batches that have ended. */
  kept: Record<'queuedJob' | 'endedJob' | 'waitingRow' | 'endedRow', number>;
  /** Largest resident memory of each process, in MB. An inference process has one model. */
  resident: Record<'api' | 'worker' | 'inference', number>;
  /** Time of a micro-batch of {@link MEASURED_MAX_BATCH} in the model, in ms. */
  predictMs: number;
  /** An input of these jobs as JSON, in bytes. */
  inputBytes: number;
}

/** Sizes of the measured micro-batches and chunks: the defaults of `MAX_BATCH` and `CHUNK_ROWS`. */
export const MEASURED_MAX_BATCH = 64;
export const MEASURED_CHUNK_ROWS = 4_096;

/** A cost made member by member. */
export const costOf = (valueOf: (member: keyof Cost) => number): Cost => ({
  apiUs: valueOf('apiUs'),
  workerUs: valueOf('workerUs'),
  inferenceUs: valueOf('inferenceUs'),
  redisUs: valueOf('redisUs'),
  redisCommands: valueOf('redisCommands'),
  networkBytes: valueOf('networkBytes'),
  appendedBytes: valueOf('appendedBytes'),
});

/** The sum of several costs, each times a number. */
export const totalCost = (parts: readonly (readonly [Cost, number])[]): Cost =>
  costOf((member) => parts.reduce((sum, [cost, times]) => sum + cost[member] * times, 0));
