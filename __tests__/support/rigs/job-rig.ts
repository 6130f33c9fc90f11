import { v7 as uuidv7 } from 'uuid';
import { type Claim, JobLeases } from '../../../shared/jobs/job-leases.js';
import { JobStore, type NewJob } from '../../../shared/jobs/job-store.js';
import { RecordScripts } from '../../../shared/records/records.js';
import { SweepStore } from '../../../shared/jobs/sweep-store.js';
import { type BeeKeys, beeKeys } from '../../../shared/queue/bee-queue.js';
import { Producers } from '../../../shared/queue/producers.js';
import type { Redis } from '../../../shared/redis/redis.js';
import { type TestRedis, testPrefix } from '../redis.js';
import { type RigOptions, useRig } from './use-rig.js';

/** Every side of the job record under a private key prefix. */
export interface JobRig {
  server: TestRedis;
  keyPrefix: string;
  redis: Redis;
  records: RecordScripts;
  store: JobStore;
  leases: JobLeases;
  sweep: SweepStore;
  producers: Producers;
  bee: BeeKeys;
  /** Creates a job and puts its first delivery into Bee-Queue. */
  submit(changes?: Partial<NewJob>): Promise<string>;
  /** Takes everything out of Bee-Queue, as if its deliveries had been lost. */
  loseDeliveries(): Promise<void>;
  /** Claims the deliveries that jobs wait under now; every call is a claim of its own. */
  claim(ids: readonly string[], leaseMs: number): Promise<Claim[]>;
  close(): Promise<void>;
}

export const QUEUE = 'trips';

/** A valid new job, with what a test wants different. */
export const newJob = (changes: Partial<NewJob> = {}): NewJob => ({
  id: uuidv7(),
  model: QUEUE,
  queue: QUEUE,
  owner: '',
  inputJson: '{"x":1}',
  timeoutMs: 60_000,
  maxAttempts: 3,
  resultTtlMs: 60_000,
  ...changes,
});

/** See {@link JobRig.claim}. */
export const claimer =
  (records: RecordScripts, leases: JobLeases): JobRig['claim'] =>
  async (ids, leaseMs) => {
    const requests = ids.map(async (jobId) => {
      const delivery = Number(await records.redis.command(['HGET', records.key(`job:${jobId}`), 'delivery']));
      return { jobId, delivery, claimId: uuidv7() };
    });
    return leases.claim(await Promise.all(requests), leaseMs);
  };

export async function openJobRig(server: TestRedis): Promise<JobRig> {
  const keyPrefix = testPrefix();
  const redis = await server.client();
  const records = new RecordScripts(redis, keyPrefix);
  const store = new JobStore(records);
  const leases = new JobLeases(records);
  const producers = new Producers({ redis: server.address, keyPrefix });
  return {
    server,
    keyPrefix,
    redis,
    records,
    store,
    leases,
    sweep: new SweepStore(records),
    producers,
    bee: beeKeys({ keyPrefix, name: QUEUE }),
    async submit(changes) {
      const job = newJob(changes);
      const created = await store.create(job, 1_000);
      if (created.kind !== 'created') throw new Error(`not created: ${created.kind}`);
      return job.id;
    },
    async loseDeliveries() {
      await redis.command(['DEL', ...Object.values(beeKeys({ keyPrefix, name: QUEUE }))]);
    },
    claim: claimer(records, leases),
    close: () => producers.close(),
  };
}

/** A {@link JobRig} for each test. */
export const useJobRig = (options: RigOptions = {}): JobRig =>
  useRig(openJobRig, { ...options, shared: false });
