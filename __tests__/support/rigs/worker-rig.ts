import type { JobState } from '../../../shared/contract/states.js';
import { isEnded, type Job } from '../../../shared/jobs/job.js';
import type { NewJob } from '../../../shared/jobs/new-job.js';
import { ReleaseStack } from '../../../shared/process/release-stack.js';
import type { WorkerConfig } from '../../../worker/config.js';
import { openWorker, type Worker } from '../../../worker/worker.js';
import { gateOf } from '../gate.js';
import { type JobRig, openJobRig } from './job-rig.js';
import { until } from '../latch.js';
import type { TestRedis } from '../redis.js';
import { type RigOptions, useRig } from './use-rig.js';
import { FAULTY_INFERENCE, FIXTURES } from '../paths.js';
import { recordingLog } from '../recording-log.js';

/** What a row of the `faulty` model may be told to do. */
export type Act = 'answer' | 'throw' | 'crash' | 'hang' | 'nan' | 'hold' | 'slow';

/** A worker on a Redis of the test's own, serving the `faulty` model. */
export interface WorkerRig extends JobRig {
  log: ReturnType<typeof recordingLog>;
  /** Reasons for which the worker would have left by itself. */
  broken: string[];
  /** Submits one job of the `faulty` model. */
  order(act: Act, value: number, changes?: Partial<NewJob>): Promise<string>;
  find(id: string): Promise<Job | undefined>;
  /** Resolves when the job is in that state. */
  reaches<S extends JobState>(id: string, state: S): Promise<Extract<Job, { state: S }>>;
  /** Resolves when every one of the jobs has ended. */
  allEnd(ids: readonly string[]): Promise<Job[]>;
  /** Resolves when a `hold` row holds up the model; {@link letGo} ends it. */
  isHeld(): Promise<void>;
  letGo(): void;
  /** Has the next `hold` row hold up the model, whatever was let go before. */
  shut(): void;
  /** Lets no inference process come to serve that starts from now on. */
  stall(): void;
  /** Starts a worker; the first is to be started by the test, too. */
  start(changes?: Partial<WorkerConfig>): Promise<Worker>;
  /** Drains the workers that were started. */
  stopWorkers(): Promise<void>;
}

export async function openWorkerRig(server: TestRedis): Promise<WorkerRig> {
  const jobs = await openJobRig(server);
  const gate = gateOf(process.pid);
  gate.remove();
  const log = recordingLog();
  const broken: string[] = [];
  const releases: ReleaseStack[] = [];
  const find = (id: string): Promise<Job | undefined> => jobs.store.find(id);
  /** Undefined also while Redis is away. */
  const findIfAny = (id: string): Promise<Job | undefined> => find(id).catch(() => undefined);
  const stopWorkers = async (): Promise<void> => {
    await Promise.all(releases.splice(0).map((release) => release.run(log)));
  };
  return {
    ...jobs,
    log,
    broken,
    order: (act, value, changes) =>
      jobs.submit({
        model: 'faulty',
        input: { act, value },
        ...changes,
      }),
    find,
    async reaches<S extends JobState>(id: string, state: S) {
      const job = await until(
        async () => {
          const found = await findIfAny(id);
          if (found && found.state !== state && isEnded(found.state)) {
            throw new Error(`the job ended as ${JSON.stringify(found)}, not as ${state}`);
          }
          return found?.state === state ? found : undefined;
        },
        { what: `the state ${state} of job ${id}` },
      );
      return job as Extract<Job, { state: S }>;
    },
    async allEnd(ids) {
      const ends: Job[] = [];
      // One after the other: hundreds that ask at once would take the time from the worker that they wait for.
      for (const id of ids) {
        const ended = async (): Promise<Job | undefined> => {
          const job = await findIfAny(id);
          return job && isEnded(job.state) ? job : undefined;
        };
        ends.push(await until(ended, { timeoutMs: 20_000, what: `the end of job ${id}` }));
      }
      return ends;
    },
    isHeld: async () => void (await until(gate.isHeld, { what: 'a held model' })),
    letGo: gate.open,
    shut: gate.remove,
    stall: gate.stall,
    async start(changes = {}) {
      const release = new ReleaseStack();
      releases.push(release);
      return openWorker({
        config: { ...configFor(server, jobs.keyPrefix), ...changes },
        log,
        release,
        onBroken: (reason) => void broken.push(reason),
        inferenceEntry: FAULTY_INFERENCE,
      });
    },
    stopWorkers,
    async close() {
      await stopWorkers();
      await jobs.close();
      gate.remove();
    },
  };
}

/** A {@link WorkerRig} for each test or, if `shared`, one for all tests of the file or `describe`. */
export const useWorkerRig = ({
  shared = false,
  ...options
}: RigOptions & { shared?: boolean } = {}): WorkerRig => useRig(openWorkerRig, { ...options, shared });

const configFor = (server: TestRedis, keyPrefix: string): WorkerConfig => ({
  redis: server.address,
  keyPrefix,
  partitions: 1,
  modelsDir: FIXTURES,
  modelsSource: () => undefined,
  models: ['faulty'],
  engine: 'wasm',
  gpuMemoryMb: undefined,
  maxBatch: 64,
  leaseMs: 15_000,
  maxResultBytes: 1_048_576,
  metrics: undefined,
  graceMs: 5_000,
  tracing: undefined,
  log: { level: 'error', dir: undefined, pretty: false },
});
